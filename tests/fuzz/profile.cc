// TOML of a profile to a plan and its audit.
#include "fuzz.h"
#include "plan/build.h"
#include "profile/load.h"
#include "profile/write.h"
#include "profile_host.h"
#include "render/audit.h"

namespace claudebox::fuzz {

void run(Bytes input) {
  testing::ProfileHost host;
  host.program("/usr/bin/bwrap")
      .program("/usr/bin/true")
      .directory("/home/dev/src/app")
      .at("/home/dev/src/app");
  host.set("PATH", "/usr/bin").set("HOME", "/home/dev").set("A", "value");
  host.profile("base", "network = \"offline\"\n").profile("fuzzed", std::string(text_of(input)));
  base::Diagnostics problems;
  const auto settings = profile::load(testing::named("fuzzed"), host, problems);
  for (const auto& problem : problems.items()) must(!problem.message.empty());
  if (!problems.empty()) return;
  plan::Request request;
  request.action = plan::Action::command;
  request.arguments = {"true"};
  profile::apply(settings.entries, {host, {}}, request);
  const std::string shown = profile::show(settings);
  const auto plan = plan::build(request, host, problems);
  if (!plan) return must(!problems.empty());
  for (const char c : render::audit(*plan, {}))
    must(static_cast<unsigned char>(c) >= 0x20 || c == '\n');  // nothing in it speaks to a terminal
  // What is shown is a profile again that says the same.
  testing::ProfileHost again;
  again.profile("base", "network = \"offline\"\n").profile("shown", shown).set("A", "value");
  base::Diagnostics none;
  must(profile::load(testing::named("shown"), again, none).entries.size() == settings.entries.size() ||
       !none.empty());
}

}  // namespace claudebox::fuzz
