// The functions of the table of keys. Internal to this folder.
#pragma once

#include "profile/schema.h"

namespace claudebox::profile {

// Into the request.
void apply_nothing(const Entry& entry, const Place& place, plan::Request& request,
                   base::Diagnostics& problems);
void apply_name(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);
void apply_network(const Entry& entry, const Place& place, plan::Request& request,
                   base::Diagnostics& problems);
void apply_allow(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);
void apply_publish(const Entry& entry, const Place& place, plan::Request& request,
                   base::Diagnostics& problems);
void apply_reach(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);
void apply_lan(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);
void apply_mount(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);
void apply_env(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);
void apply_agent(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);
void apply_auth(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);
void apply_package(const Entry& entry, const Place& place, plan::Request& request,
                   base::Diagnostics& problems);
void apply_devshell(const Entry& entry, const Place& place, plan::Request& request,
                    base::Diagnostics& problems);
void apply_nested(const Entry& entry, const Place& place, plan::Request& request,
                  base::Diagnostics& problems);
void apply_audit(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);
void apply_nix_daemon(const Entry& entry, const Place& place, plan::Request& request,
                      base::Diagnostics& problems);
void apply_nix_daemon_network(const Entry& entry, const Place& place, plan::Request& request,
                              base::Diagnostics& problems);
void apply_protect(const Entry& entry, const Place& place, plan::Request& request,
                   base::Diagnostics& problems);
void apply_limit(const Entry& entry, const Place& place, plan::Request& request, base::Diagnostics& problems);

// What a project's value does to what the user asked for.
Effect always_widens(const Entry& entry, const plan::Request& request);
Effect effect_of_network(const Entry& entry, const plan::Request& request);
Effect effect_of_allow(const Entry& entry, const plan::Request& request);
Effect effect_of_agent(const Entry& entry, const plan::Request& request);
Effect effect_of_auth(const Entry& entry, const plan::Request& request);
Effect effect_of_devshell(const Entry& entry, const plan::Request& request);
Effect effect_of_nested(const Entry& entry, const plan::Request& request);
Effect effect_of_audit(const Entry& entry, const plan::Request& request);
Effect effect_of_nix_daemon(const Entry& entry, const plan::Request& request);
Effect effect_of_nix_daemon_network(const Entry& entry, const plan::Request& request);
Effect effect_of_limit(const Entry& entry, const plan::Request& request);
Effect effect_of_protect(const Entry& entry, const plan::Request& request);

// What makes two items the same grant.
std::string whole_text(const Entry& entry);
std::string variable_name(const Entry& entry);
std::string host_port(const Entry& entry);
std::string mount_target(const Entry& entry);

/// `$NAME` and `${NAME}` in a path become the variable's value, `\$` a dollar. Colons and backslashes of the value are
/// escaped, so that parse_mount takes them for part of the path. Empty with a problem for an unset variable.
std::optional<std::string> expand_variables(std::string_view text, const sys::HostView& host,
                                            base::Diagnostics& problems);

/// Whether a profile can be called that: letters, digits, -, _ and dots inside, at most 64 of them.
bool is_profile_name(std::string_view name);

}  // namespace claudebox::profile
