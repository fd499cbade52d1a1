// Profiles of the older claudebox, which were bash files.
#include "fuzz.h"
#include "profile/import.h"
#include "profile_host.h"

namespace claudebox::fuzz {

void run(Bytes input) {
  testing::ProfileHost host;
  base::Diagnostics problems;
  const profile::Source source{
      .name = "old.sh", .text = std::string(text_of(input)), .path = "/home/dev/old.sh"};
  const auto toml = profile::import_shell_profile(source, {host, {}}, problems);
  must(toml.has_value() == problems.empty());
  if (!toml) return;
  // What is written is a profile, or one that says what is wrong with a value.
  host.profile("old", *toml);
  base::Diagnostics said;
  (void)profile::load(testing::named("old"), host, said);
  for (const auto& problem : said.items()) must(problem.message.find("no TOML") == std::string::npos);
}

}  // namespace claudebox::fuzz
