// Whether nobody but the user, or root, decides what lies at a path (PROF-3).
#pragma once

#include <optional>
#include <string>

#include "base/diagnostics.h"
#include "sys/host_view.h"

namespace claudebox::profile {

/// One problem where `info`, of `path`, belongs to somebody else or can be written by others. Root's is taken with
/// `roots_too`: who is root needs no profile.
bool is_own(const sys::HostView& host, const std::string& path, const sys::FileInfo& info, bool roots_too,
            base::Diagnostics& problems);

/// The path without links that `path`, which has one on its way, leads to: dotfiles are kept elsewhere and linked in
/// (stow, home-manager, chezmoi). Every directory and every link on the way from `/` has to be the user's or root's, and
/// not to be written by others, except where a sticky bit (/nix/store, /tmp) keeps them from replacing what lies in it.
/// The last component is not judged: whoever opens it does that. Empty, with one problem, where the way can't be trusted
/// or leads nowhere.
std::optional<std::string> follow_own_links(const sys::HostView& host, const std::string& path,
                                            base::Diagnostics& problems);

}  // namespace claudebox::profile
