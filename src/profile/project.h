// A project's own file, .claudebox.toml, and what of it may have a say (PROF-4).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "plan/request.h"
#include "profile/schema.h"
#include "profile/source.h"
#include "sys/host_view.h"

namespace claudebox::profile {

/// The rank of its entries: above every file of the user's.
inline constexpr int kProjectLayer = 1000;
inline constexpr const char* kProjectFile = ".claudebox.toml";

/// PROJECT_ROOT/.claudebox.toml. Anybody may have written it, so its owner is no matter, but it has to be a regular file
/// of some size; where it is something else, that is a problem. Empty where there is none.
std::optional<Source> read_project_file(const sys::HostView& host, const std::string& project_root,
                                        base::Diagnostics& problems);

/// The project around `directory` may have such a file: some directory from it upward does. Costs one look each.
bool may_have_project_file(const sys::HostView& host, const std::string& directory);

/// What was approved of a project's file: its whole text, at that path.
struct Approval {
  std::string path{};
  std::string text{};
};
/// STATE_ROOT/trust/DIGEST-OF-PATH
std::string approval_path(const sys::HostView& host, const std::string& file);
std::string format_approval(const Approval& approval);
/// The approval for the file at `path`, whatever its text was. One that others may have written is none.
std::optional<Approval> read_approval(const sys::HostView& host, const std::string& path,
                                      base::Diagnostics& problems);

/// What a project's file comes to beside what the user asked for.
struct Judged {
  std::vector<Entry> allowed{};   ///< may have a say now
  std::vector<Entry> waiting{};   ///< widens, and was not approved
  std::vector<Entry> widening{};  ///< all that widens, approved or not
  bool approved = false;          ///< this very text at this very path
};

/// `asked` is all that the user said, without the project's file.
Judged judge(const Source& source, const plan::Request& asked, const sys::HostView& host,
             base::Diagnostics& problems);

/// "network \"full\" (line 3)"
std::string describe(const Entry& entry);

}  // namespace claudebox::profile
