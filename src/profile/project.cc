// Theory of operation
//
// A project's file comes with the project: by git clone, from a colleague, perhaps from an agent that worked there. So
// each of its values is judged against what the user asked for otherwise. What takes something away applies at once,
// since the worst that it can do is to be in the way. What adds something waits until `claudebox trust` was told yes.
//
// An approval is the whole text of the file at one path. A changed text, a moved or a copied file has none, and neither
// --yes nor the answer at the audit makes one. It is kept apart from the instance, in a file named after the digest of
// the path, which no box ever sees; the text is in it, so that the next question can show the difference.
#include "profile/project.h"

#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"
#include "plan/build.h"
#include "profile/files.h"
#include "profile/load.h"
#include "profile/parse.h"

namespace claudebox::profile {
namespace {

constexpr std::size_t kLargest = std::size_t{256} << 10U;

}  // namespace

std::optional<Source> read_project_file(const sys::HostView& host, const std::string& project_root,
                                        base::Diagnostics& problems) {
  const std::string path = base::path_join(project_root, kProjectFile);
  auto opened = host.open_file(path, kLargest);
  if (opened.info.kind == sys::FileKind::missing) return std::nullopt;
  if (opened.info.kind != sys::FileKind::file || opened.too_large) {
    problems.add(path + (opened.too_large ? " is larger than " + base::human_size(kLargest)
                         : opened.info.kind == sys::FileKind::symlink
                             ? std::string(" is a symbolic link, and has to be a file")
                             : std::string(" is no file that can be read")),
                 "put a file of TOML in its place, or take it away");
    return std::nullopt;
  }
  return Source{.name = kProjectFile, .text = std::move(opened.content), .path = path};
}

bool may_have_project_file(const sys::HostView& host, const std::string& directory) {
  for (std::string at = directory;; at = base::parent_of(at)) {
    if (host.lstat(base::path_join(at, kProjectFile)).kind != sys::FileKind::missing) return true;
    if (at == "/" || at.empty()) return false;
  }
}

std::string approval_path(const sys::HostView& host, const std::string& file) {
  return plan::state_root(host) + "/trust/" + base::sha256_hex(file).substr(0, 32);
}

std::string format_approval(const Approval& approval) {
  return "claudebox trust 1\n" + std::to_string(approval.path.size()) + "\n" + approval.path + "\n" +
         base::sha256_hex(approval.text) + "\n" + approval.text;
}

std::optional<Approval> read_approval(const sys::HostView& host, const std::string& path,
                                      base::Diagnostics& problems) {
  const auto stored = read_own(host, approval_path(host, path), "trust", problems);
  if (!stored) return std::nullopt;
  const std::string head = "claudebox trust 1\n" + std::to_string(path.size()) + "\n" + path + "\n";
  const std::size_t digest = head.size() + 64;
  if (!stored->text.starts_with(head) || stored->text.size() <= digest || stored->text[digest] != '\n')
    return std::nullopt;
  Approval approval{.path = path, .text = stored->text.substr(digest + 1)};
  if (stored->text.substr(head.size(), 64) != base::sha256_hex(approval.text)) return std::nullopt;
  return approval;
}

Judged judge(const Source& source, const plan::Request& asked, const sys::HostView& host,
             base::Diagnostics& problems) {
  Judged judged;
  const Place place{host, base::parent_of(source.path)};
  const auto entries = parse(source, place, kProjectLayer, problems);
  for (const auto& entry : entries)
    if (entry.key->effect(entry, asked) == Effect::widens) judged.widening.push_back(entry);
  if (!judged.widening.empty()) {
    const auto approval = read_approval(host, source.path, problems);
    judged.approved = approval && approval->text == source.text;
  }
  if (judged.widening.empty() || judged.approved) {
    // With what it extends, which is the user's own.
    base::Diagnostics said;
    auto all =
        load_file(source, place, plan::SettingsFile::Kind::project, problems.empty() ? problems : said);
    judged.allowed = std::move(all.entries);
    for (auto& entry : judged.allowed) entry.layer = kProjectLayer;
    return judged;
  }
  judged.waiting = judged.widening;
  for (const auto& entry : entries)
    if (entry.key->effect(entry, asked) == Effect::tightens) judged.allowed.push_back(entry);
  return judged;
}

std::string describe(const Entry& entry) {
  const std::string value = entry.is_boolean() ? (entry.truth ? "true" : "false") : "\"" + entry.text + "\"";
  return std::string(entry.key->name) + " " + value + " (line " + std::to_string(entry.at.line) + ")";
}

}  // namespace claudebox::profile
