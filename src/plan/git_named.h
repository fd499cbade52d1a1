// What git's configuration names inside the project. Internal to this folder.
#pragma once

#include <string>

#include "plan/git_config_files.h"
#include "plan/protection.h"

namespace claudebox::plan {

/// Which of what is named; a profile may have lifted the protection of a kind.
struct NamedKinds {
  bool hooks = true;
  bool config = true;  ///< included files and programs
};

/// Covers the hooks directories, included files and programs in the box's reach that `config` names, and the files it
/// was read from. `work_tree` is what relative hooks and programs are looked for in, `home` what "~" means.
void protect_named(const sys::HostView& host, const GitConfigFiles& config, const std::string& work_tree,
                   const std::string& home, const NamedKinds& kinds, Protection& protection);

/// Covers what the links in a hooks directory lead to.
void protect_linked_hooks(const sys::HostView& host, const std::string& hooks, Protection& protection);

}  // namespace claudebox::plan
