// Where words go: data to standard output, talk to standard error.
#pragma once

#include <string>
#include <string_view>

#include "base/diagnostics.h"
#include "base/error.h"
#include "render/audit.h"
#include "sys/host_view.h"

namespace claudebox::cli {

/// Which of descriptors 0, 1 and 2 were closed when claudebox was started.
struct ClosedStreams {
  bool input = false, output = false, error = false;
};

/// Opens /dev/null in place of a closed standard stream: the next file opened would get its number, and the box
/// or a message would end up in it. Call first.
ClosedStreams fill_standard_streams() noexcept;

/// Data, to standard output. Throws where it can't be written.
void print(std::string_view text);
/// Talk, to standard error. Fails silently: there is nobody left to tell.
void say(std::string_view text) noexcept;

/// "claudebox: note", harmless on a terminal, to standard error.
void say_note(const std::string& note);
/// "claudebox: message", the excerpt of a file and the hint, harmless on a terminal, to standard error.
void say_problem(const std::string& message, const std::string& hint, const std::string& excerpt = {});
/// All of them.
void say_problems(const base::Diagnostics& problems);

/// How to render for `descriptor`: colours, width, and whether it takes UTF-8.
render::Style style_for(int descriptor, const sys::HostView& host);

/// Columns of the terminal on `descriptor`; 80 where it is none.
std::size_t width_of(int descriptor) noexcept;

}  // namespace claudebox::cli
