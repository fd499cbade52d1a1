// The only place that writes JSON about plans, and the only one here to include the library for it.
#include "render/json.h"

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/secret.h"
#include "plan/limits.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using nlohmann::ordered_json;
using plan::EnvVar;
using plan::Mount;

/// Raised when a field changes its meaning or goes away; new fields don't raise it.
constexpr int kSchema = 1;

const char* name_of(base::Origin::Kind kind) {
  switch (kind) {
    case base::Origin::Kind::builtin:
      return "builtin";
    case base::Origin::Kind::detected:
      return "detected";
    case base::Origin::Kind::flag:
      return "flag";
    case base::Origin::Kind::environment:
      return "environment";
    case base::Origin::Kind::profile:
      return "profile";
  }
  return "";
}

const char* name_of(Mount::Kind kind) {
  switch (kind) {
    case Mount::Kind::read_only:
      return "read_only";
    case Mount::Kind::writable:
      return "writable";
    case Mount::Kind::tmpfs:
      return "tmpfs";
    case Mount::Kind::directory:
      return "directory";
    case Mount::Kind::symlink:
      return "symlink";
    case Mount::Kind::file:
      return "file";
    case Mount::Kind::proc:
      return "proc";
    case Mount::Kind::dev:
      return "dev";
    case Mount::Kind::login:
      return "login";
    case Mount::Kind::store:
      return "store";
  }
  return "";
}

const char* name_of(plan::Purpose purpose) {
  switch (purpose) {
    case plan::Purpose::system:
      return "system";
    case plan::Purpose::home:
      return "home";
    case plan::Purpose::agent:
      return "agent";
    case plan::Purpose::login:
      return "login";
    case plan::Purpose::project:
      return "project";
    case plan::Purpose::protection:
      return "protection";
    case plan::Purpose::packages:
      return "packages";
    case plan::Purpose::extra:
      return "extra";
  }
  return "";
}

const char* name_of(EnvVar::Kind kind) {
  switch (kind) {
    case EnvVar::Kind::generated:
      return "generated";
    case EnvVar::Kind::host:
      return "host";
    case EnvVar::Kind::extra:
      return "extra";
  }
  return "";
}

const char* name_of(plan::Action action) {
  switch (action) {
    case plan::Action::agent:
      return "agent";
    case plan::Action::command:
      return "command";
    case plan::Action::shell:
      return "shell";
    case plan::Action::selftest:
      return "selftest";
  }
  return "";
}

const char* name_of(plan::Note::Level level) {
  switch (level) {
    case plan::Note::Level::info:
      return "info";
    case plan::Note::Level::warning:
      return "warning";
    case plan::Note::Level::danger:
      return "danger";
  }
  return "";
}

const char* name_of(plan::StateFile::Policy policy) {
  switch (policy) {
    case plan::StateFile::Policy::directory:
      return "directory";
    case plan::StateFile::Policy::replace:
      return "replace";
    case plan::StateFile::Policy::json_defaults:
      return "json_defaults";
    case plan::StateFile::Policy::json_override:
      return "json_override";
  }
  return "";
}

const char* name_of(plan::CgroupPlace::Way way) {
  switch (way) {
    case plan::CgroupPlace::Way::none:
      return "nothing";
    case plan::CgroupPlace::Way::delegated:
      return "delegation";
    case plan::CgroupPlace::Way::systemd:
      return "systemd";
  }
  return "";
}

const char* name_of(plan::Limit::By by) {
  switch (by) {
    case plan::Limit::By::group:
      return "cgroup";
    case plan::Limit::By::resource:
      return "resource_limit";
    case plan::Limit::By::nothing:
      return "nothing";
  }
  return "";
}

ordered_json origin_of(const base::Origin& origin) {
  return {{"kind", name_of(origin.kind)}, {"source", origin.source}, {"reason", origin.reason}};
}

/// Content is told by size and digest: it can be long, and it is not a program's business.
ordered_json content_of(const std::string& content) {
  return {{"bytes", content.size()}, {"sha256", base::sha256_hex(content)}};
}

ordered_json mount_record(const plan::Plan& plan, const Mount& mount) {
  ordered_json out = {
      {"kind", name_of(mount.kind)}, {"purpose", name_of(mount.purpose)}, {"target", mount.target}};
  if (!mount.source.empty()) out["source"] = mount.source;
  if (mount.kind == Mount::Kind::file) out["content"] = content_of(mount.content);
  if (mount.mode != 0) out["mode"] = mount.mode;
  if (mount.purpose == plan::Purpose::extra) out["secrets_inside"] = mount.inside;
  out["dangers"] = mount_dangers(plan, mount);
  out["origin"] = origin_of(mount.origin);
  return out;
}

ordered_json variable_record(const EnvVar& variable) {
  const bool secret = is_secret(variable);
  const std::string danger = variable_danger(variable);
  ordered_json out = {{"name", variable.name},
                      {"value", secret ? base::mask(variable.value) : variable.value},
                      {"masked", secret},
                      {"kind", name_of(variable.kind)},
                      {"from_host", variable.from_host},
                      {"dangers", danger.empty() ? ordered_json::array() : ordered_json::array({danger})},
                      {"origin", origin_of(variable.origin)}};
  if (!variable.host_name.empty()) out["host_name"] = variable.host_name;
  return out;
}

std::vector<std::string> names_in(const std::map<std::string, std::string>& map) {
  std::vector<std::string> names;
  for (const auto& [name, _] : map) names.push_back(name);
  return names;
}

template <class Range, class Function>
ordered_json array_of(const Range& range, Function record) {
  ordered_json out = ordered_json::array();
  for (const auto& item : range) out.push_back(record(item));
  return out;
}

ordered_json record_of(const plan::Plan& plan) {
  ordered_json out;
  out["schema"] = kSchema;
  out["claudebox"] = CLAUDEBOX_VERSION;
  out["agent"] = plan.agent;
  out["command"] = {{"action", name_of(plan.command.action)},
                    {"argv", plan.command.argv},
                    {"display", plan.command.display}};
  out["profiles"] = array_of(plan.files, [](const plan::SettingsFile& file) -> ordered_json {
    return {{"kind", plan::settings_file_name(file.kind)},
            {"name", file.name},
            {"path", file.path},
            {"waits", file.waits}};
  });
  out["network"] = {
      {"tier", plan::tier_name(plan.network.value)},
      {"host_abstract_sockets", plan.network.value == plan::Tier::full && !plan.scope_abstract_sockets},
      {"origin", origin_of(plan.network.origin)}};
  out["network"]["allow"] = array_of(plan.net.allow, [](const plan::AllowedHost& allowed) -> ordered_json {
    return {{"host", allowed.pattern}, {"origin", origin_of(allowed.origin)}};
  });
  out["network"]["lan"] = array_of(plan.net.lan, [](const plan::LanDestination& lan) -> ordered_json {
    return {{"destination", lan.prefix.empty() ? lan.name : lan.prefix},
            {"port", lan.port},
            {"dangers", ordered_json::array({lan_danger(lan)})},
            {"origin", origin_of(lan.origin)}};
  });
  out["network"]["publish"] = array_of(plan.net.publish, [](const plan::PublishedPort& port) -> ordered_json {
    return {{"host_port", port.host_port}, {"box_port", port.box_port}, {"origin", origin_of(port.origin)}};
  });
  out["network"]["reach"] = array_of(plan.net.reach, [](const plan::ReachedPort& port) -> ordered_json {
    const std::string danger = reach_danger(port);
    return {{"port", port.port},
            {"dangers", danger.empty() ? ordered_json::array() : ordered_json::array({danger})},
            {"origin", origin_of(port.origin)}};
  });
  out["network"]["nix_daemon"] = {
      {"granted", plan.nix_daemon.has_value()},
      {"dangers", plan.nix_daemon ? ordered_json(nix_daemon_dangers()) : ordered_json::array()},
      {"origin", origin_of(plan.nix_daemon.value_or(base::Origin{}))}};
  const bool gateway = plan.has_gateway();
  out["network"]["box_addresses"] =
      gateway ? ordered_json::array({plan.net.box_v4, plan.net.box_v6}) : ordered_json::array();
  out["network"]["resolver"] = gateway ? plan.net.resolver : "";
  out["network"]["slirp4netns"] = plan.net.slirp;
  out["login"] = {{"mode", plan::login_name(plan.login.mode.value)},
                  {"store", plan.login.store},
                  {"variables", plan.login.variables},
                  {"directory", plan.login.directory},
                  {"backup", plan.login.backup},
                  {"valid_until", plan.login.valid_until},
                  {"expired", plan.login.expired},
                  {"subscription", plan.login.subscription},
                  {"renewal", plan.login.renewal},
                  {"renewal_directory", plan.login.renewal_directory},
                  {"origin", origin_of(plan.login.mode.origin)}};
  out["packages"] = array_of(plan.packages, [](const plan::Package& package) -> ordered_json {
    return {{"name", package.name()},
            {"kind", package.kind == plan::Package::Kind::devshell ? "devshell" : "package"},
            {"local", package.local},
            {"resolved", package.resolved},
            {"locked", package.locked},
            {"outputs", package.outputs},
            {"closure", package.closure},
            {"path", package.path},
            {"withheld", names_in(package.withheld)},
            {"record", package.entry},
            {"origin", origin_of(package.origin)}};
  });
  out["limits"] = {
      {"cgroup", {{"by", name_of(plan.limits.place.way)}, {"directory", plan.limits.place.directory}}},
      {"all", array_of(plan.limits.all, [](const plan::Limit& limit) -> ordered_json {
         return {{"name", plan::limit_name(limit.kind)},
                 {"amount", limit.amount},
                 {"by", name_of(limit.by)},
                 {"reason", limit.reason},
                 {"origin", origin_of(limit.origin)}};
       })}};
  out["project"] = {{"root", plan.project.root},
                    {"directory", plan.project.directory},
                    {"canonical_root", plan.project.canonical_root},
                    {"read_only", plan.project.read_only},
                    {"origin", origin_of(plan.project.origin)}};
  out["instance"] = {{"id", plan.instance.id},
                     {"directory", plan.instance.directory},
                     {"home", plan.instance.home},
                     {"share", plan.instance.share}};
  out["user"] = {{"name", plan.user}, {"uid", plan.uid}, {"gid", plan.gid}, {"home", plan.user_home}};
  out["box"] = {{"host_name", plan.host_name},
                {"nested", plan.nested},
                {"always_ask", plan.always_ask},
                {"new_session", plan.new_session},
                {"scope_abstract_sockets", plan.scope_abstract_sockets},
                {"bwrap", plan.bwrap}};
  out["lifted"] = array_of(plan.lifted, [](const plan::LiftedProtection& lifted) -> ordered_json {
    return {{"name", lifted.name}, {"origin", origin_of(lifted.origin)}};
  });
  out["mounts"] = array_of(plan.mounts, [&](const Mount& mount) { return mount_record(plan, mount); });
  out["environment"] = array_of(plan.env, variable_record);
  out["state"] = array_of(plan.state, [](const plan::StateFile& file) {
    ordered_json record = {{"policy", name_of(file.policy)}, {"path", file.path}};
    if (file.policy != plan::StateFile::Policy::directory) record["content"] = content_of(file.content);
    record["origin"] = origin_of(file.origin);
    return record;
  });
  out["stubs"] = array_of(plan.stubs, [](const plan::Stub& stub) -> ordered_json {
    return {{"kind", stub.kind == plan::Stub::Kind::file ? "file" : "directory"},
            {"path", stub.path},
            {"origin", origin_of(stub.origin)}};
  });
  out["watches"] = array_of(plan.watches, [](const plan::Watch& watch) -> ordered_json {
    return {{"directory", watch.directory},
            {"name", watch.name},
            {"response", watch.response == plan::Watch::Response::end ? "end" : "remove_and_end"},
            {"reason", watch.reason}};
  });
  out["sweeps"] = array_of(plan.sweeps, [](const plan::Sweep& sweep) -> ordered_json {
    return {{"path", sweep.path}, {"reason", sweep.reason}};
  });
  out["notes"] = array_of(plan.notes, [](const plan::Note& note) -> ordered_json {
    return {{"level", name_of(note.level)}, {"text", note.text}, {"origin", origin_of(note.origin)}};
  });
  return out;
}

/// A secret can stand in any text: an argument of the command, the flag that an origin quotes.
void hide_secrets(ordered_json& value, const std::vector<std::string>& secrets) {
  if (value.is_structured()) {
    for (auto& item : value) hide_secrets(item, secrets);
  } else if (value.is_string()) {
    auto& text = value.get_ref<std::string&>();
    for (const auto& secret : secrets) {
      const std::string shown = base::mask(secret);
      for (std::size_t at = text.find(secret); at != std::string::npos;
           at = text.find(secret, at + shown.size()))
        text.replace(at, secret.size(), shown);
    }
    text = base::hide_secrets(text);
  }
}

}  // namespace

std::string plan_json(const plan::Plan& plan) {
  ordered_json record = record_of(plan);
  hide_secrets(record, secrets_of(plan));
  return record.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace claudebox::render
