#include "runtime/sources.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <cerrno>

#include "base/error.h"
#include "sys/seccomp.h"

namespace claudebox::runtime {
namespace {

sys::UniqueFd open_source(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  // /proc/self and the like are magic links; none is a source. A link that was not there when the plan was
  // made means that somebody swapped it in.
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  sys::UniqueFd file(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (file) return file;
  if (errno == ELOOP)
    throw base::Error(
        "can't mount " + path + ": a part of the path became a symbolic link since it was planned",
        "start again; if it happens again, something is changing that path");
  if (errno == ENOENT)
    throw base::Error("can't mount " + path + ": it is gone since it was planned", "start again");
  base::throw_system_error(errno, "can't mount " + path, "check its permissions, or leave it out");
}

}  // namespace

OpenedOptions open_options(const std::vector<plan::Word>& words) {
  OpenedOptions out;
  const auto add = [&](std::string_view word) {
    if (word.find('\0') != std::string_view::npos)
      throw base::Error("a NUL byte in an option for bwrap", "paths and values can't hold NUL bytes");
    out.text += word;
    out.text += '\0';
  };
  const auto add_descriptor = [&](sys::UniqueFd descriptor) {
    add(std::to_string(descriptor.get()));
    out.descriptors.push_back(std::move(descriptor));
  };
  for (const auto& word : words) {
    if (const auto* text = std::get_if<std::string>(&word)) {
      add(*text);
    } else if (const auto* source = std::get_if<plan::BoundPath>(&word)) {
      add_descriptor(open_source(source->path));
    } else if (const auto* bytes = std::get_if<plan::Bytes>(&word)) {
      add_descriptor(sys::make_memory_file("claudebox-file", bytes->content));
    } else if (std::holds_alternative<plan::LoginDirectory>(word) ||
               std::holds_alternative<plan::StoreDirectory>(word)) {
      sys::UniqueFd placeholder(::open("/dev/null", O_PATH | O_CLOEXEC));
      (std::holds_alternative<plan::LoginDirectory>(word) ? out.login : out.store) = placeholder.get();
      add_descriptor(std::move(placeholder));
    } else {
      add_descriptor(sys::make_memory_file("claudebox-seccomp", sys::box_seccomp_filter()));
    }
  }
  return out;
}

}  // namespace claudebox::runtime
