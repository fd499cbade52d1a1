// The agent's JSON files: what of the user's goes into a box, and what a box adds. Text to text, no host.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claudebox::plan {

/// Whether a variable or key of this name, with this value, is taken for a secret: by the words of its name
/// (API_KEY, authToken, X-Password), unless the value is a number or a switch, or by the form of the value
/// (sk-..., ghp_..., a PEM block, a JSON web token, a URL with a password).
bool looks_secret(std::string_view name, std::string_view value);

/// settings.json of a box, to be laid over the instance's: the user's (or nothing) without secrets, and no
/// question about running unattended. `own_sandbox` false switches the agent's own sandbox off, where it
/// can't start.
std::string box_settings(const std::optional<std::string>& user_settings, bool own_sandbox);

/// What .claude.json needs so that a first run asks nothing; `version` is the agent's. The user's preferences
/// of look and keys are taken from `user_state` (their .claude.json), nothing else of it.
std::string first_run_state(const std::string& version, const std::optional<std::string>& user_state);

/// What .claude.json must say at every start: these directories are trusted, this API key (empty: none) is meant to be
/// used, and this is whose login it is (`account` of `account_of`; empty: not known). The agent itself records a key by its
/// last 20 characters.
std::string start_state(const std::vector<std::string>& trusted, const std::string& api_key,
                        const std::string& account = {});

/// What the user's .claude.json knows of the account that is logged in: a JSON object of plain values without what looks
/// secret; empty where there is none. Looks at nothing else of the file, which grows to megabytes.
std::string account_of(std::string_view user_state);

/// The user's record of plugins (installed_plugins.json, known_marketplaces.json) for a box: `from`, where
/// the user's plugins lie, becomes `to`, and what is installed for a project outside `projects` is left out.
/// "{}" where it is no JSON object.
std::string box_plugin_record(const std::string& record, const std::string& from, const std::string& to,
                              const std::vector<std::string>& projects);

/// The "version" of a package.json.
std::optional<std::string> package_version(const std::string& package_json);

}  // namespace claudebox::plan
