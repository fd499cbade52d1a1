// What a value of a project's own file does to what the user asked for (PROF-4). `request` is all that the user said:
// defaults, profile, environment and flags, without the project. Whoever wrote the file may be hostile, so what is not
// surely less is more.
#include "profile/grants.h"
#include "profile/keys.h"
#include "profile/limits.h"
#include "profile/network_grants.h"
#include "profile/package_grants.h"

namespace claudebox::profile {
namespace {

/// How much a tier reaches.
int reach_of(plan::Tier tier) {
  switch (tier) {
    case plan::Tier::offline:
      return 0;
    case plan::Tier::allowlist:
      return 1;
    case plan::Tier::internet:
      return 2;
    case plan::Tier::full:
      return 3;
  }
  return 3;
}

Effect of_switch(bool wanted, bool now, bool safe) {
  if (wanted == now) return Effect::nothing;
  return wanted == safe ? Effect::tightens : Effect::widens;
}

}  // namespace

Effect always_widens(const Entry&, const plan::Request&) {
  return Effect::widens;
}

Effect effect_of_network(const Entry& entry, const plan::Request& request) {
  base::Diagnostics unused;
  const auto wanted = parse_tier({entry.text, "network", {}}, unused);
  if (!wanted) return Effect::widens;
  if (*wanted == request.network.value) return Effect::nothing;
  return reach_of(*wanted) < reach_of(request.network.value) ? Effect::tightens : Effect::widens;
}

/// A public name is no more than internet and full reach already, and is of use where the same file asks for allowlist.
Effect effect_of_allow(const Entry&, const plan::Request& request) {
  return reach_of(request.network.value) >= reach_of(plan::Tier::internet) ? Effect::tightens
                                                                           : Effect::widens;
}

Effect effect_of_agent(const Entry& entry, const plan::Request& request) {
  return entry.text == request.agent ? Effect::nothing : Effect::widens;
}

Effect effect_of_auth(const Entry& entry, const plan::Request& request) {
  base::Diagnostics unused;
  plan::Request wanted;
  request_login({entry.text, "auth", {}}, wanted, unused);
  if (!unused.empty() || !wanted.login) return Effect::widens;
  if (request.login && request.login->value == wanted.login->value &&
      request.login_store == wanted.login_store)
    return Effect::nothing;
  return wanted.login->value == plan::LoginMode::none ? Effect::tightens : Effect::widens;
}

/// Whatever it names is evaluated on this machine, so only the very same is nothing new.
Effect effect_of_devshell(const Entry& entry, const plan::Request& request) {
  if (!entry.truth) return request.devshell ? Effect::tightens : Effect::nothing;
  base::Diagnostics unused;
  const auto wanted = parse_devshell({entry.is_boolean() ? "." : entry.text, "devshell", {}}, unused);
  const bool own_or_remote = wanted && (!wanted->local || wanted->flake == ".");
  const bool same = own_or_remote && request.devshell && wanted->flake == request.devshell->flake &&
                    wanted->attribute == request.devshell->attribute;
  return same ? Effect::nothing : Effect::widens;
}

Effect effect_of_nested(const Entry& entry, const plan::Request& request) {
  return of_switch(entry.truth, request.nested.value, false);
}

Effect effect_of_audit(const Entry& entry, const plan::Request& request) {
  return of_switch(entry.text == "always", request.always_ask.value, true);
}

Effect effect_of_nix_daemon(const Entry& entry, const plan::Request& request) {
  return of_switch(entry.truth, request.nix_daemon.has_value(), false);
}

Effect effect_of_nix_daemon_network(const Entry& entry, const plan::Request& request) {
  return of_switch(entry.truth, request.nix_daemon_network, false);
}

Effect effect_of_limit(const Entry& entry, const plan::Request& request) {
  base::Diagnostics unused;
  const auto wanted = parse_limit_amount(entry.key->leaf(), {entry.text, "limits", {}}, unused);
  if (!wanted) return Effect::widens;
  std::optional<std::uint64_t> now;
  for (const auto& limit : request.limits)
    if (limit.kind == wanted->kind) now = limit.amount;
  if (wanted->amount == now) return Effect::nothing;
  if (!wanted->amount) return Effect::widens;
  return !now || *wanted->amount < *now ? Effect::tightens : Effect::widens;
}

Effect effect_of_protect(const Entry& entry, const plan::Request& request) {
  const auto name = entry.key->leaf();
  bool lifted = false;
  for (const auto& other : request.lifted) lifted = lifted || other.name == name;
  return of_switch(entry.truth, !lifted, true);
}

}  // namespace claudebox::profile
