// What a box may not write in a git directory (BOX-10). Internal to this folder; git_protect.cc says how and why.
#pragma once

#include <set>
#include <string>

#include "plan/protection.h"

namespace claudebox::plan {

class GitDirectoryProtection {
 public:
  GitDirectoryProtection(const sys::HostView& host, const Plan& plan, Protection& protection)
      : host_(host), plan_(plan), protection_(protection), home_(plan.user_home) {}

  /// A git directory in the box's reach that is a repository's own, with its work trees and submodules. Its
  /// configuration's relative names mean `work_tree`.
  void repository(const std::string& git_dir, const std::string& work_tree);

  /// COMMON/worktrees/ID.
  void linked_work_tree(const std::string& common_dir, const std::string& git_dir);

  /// A `.git` file: it says where the git directory is.
  void git_file(const std::string& file);

  /// Where `work_tree`/.git leads, in the box's reach or not: a directory, or a file and what that names.
  void work_tree(const std::string& work_tree);

 private:
  void read_only(const std::string& git_dir, Note::Level level, const std::string& why);
  void what_leads_out(const std::string& git_dir);
  void git_file_named_by(const std::string& gitdir);
  void names(const std::string& git_dir);
  void commondir(const std::string& git_dir);
  void configuration(const std::string& git_dir, const std::string& work_tree);
  void linked_work_trees(const std::string& common_dir);
  void modules(const std::string& root);
  void module(const std::string& git_dir);
  void interrupted_rebase(const std::string& git_dir);

  const sys::HostView& host_;
  const Plan& plan_;
  Protection& protection_;
  std::string home_;
  std::set<std::string> seen_;  ///< repositories that were dealt with
};

}  // namespace claudebox::plan
