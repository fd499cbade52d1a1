#include "cli/app.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace claudebox::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Words = std::vector<std::string>;

/// "message\nhint" of the error that `arguments` gives; the exit status must be 2.
std::string usage_error(const Words& arguments) {
  try {
    parse(arguments);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.exit(), base::ExitCode::usage);
    return error.message() + "\n" + error.hint();
  }
  ADD_FAILURE() << "understood";
  return {};
}

TEST(Parse, NothingIsTheAgent) {
  const LowArgs low = parse({});
  EXPECT_EQ(low.verb, Verb::agent);
  EXPECT_THAT(low.rest, IsEmpty());
  EXPECT_FALSE(low.network);
}

TEST(Parse, WhatFollowsTheDashesIsTheAgents) {
  const LowArgs low = parse({"--network", "full", "-y", "--", "--network", "offline", "gc", "--", "-q"});
  EXPECT_EQ(low.verb, Verb::agent);
  EXPECT_EQ(low.network, "full");
  EXPECT_TRUE(low.yes);
  EXPECT_FALSE(low.quiet);
  EXPECT_THAT(low.rest, ElementsAre("--network", "offline", "gc", "--", "-q"));
}

TEST(Parse, RunTakesEverythingFromTheFirstWordThatIsNoOption) {
  const LowArgs low =
      parse({"run", "--network", "offline", "make", "--network", "full", "-y", "--", "--help"});
  EXPECT_EQ(low.verb, Verb::run);
  EXPECT_EQ(low.network, "offline");
  EXPECT_FALSE(low.yes);
  EXPECT_THAT(low.rest, ElementsAre("make", "--network", "full", "-y", "--", "--help"));
}

TEST(Parse, RunAlsoTakesWhatFollowsTheDashes) {
  EXPECT_THAT(parse({"run", "--", "--odd-name", "x"}).rest, ElementsAre("--odd-name", "x"));
  EXPECT_THAT(parse({"run", "-yq", "--", "instance", "list"}).rest, ElementsAre("instance", "list"));
}

TEST(Parse, CommandsThatAreNamedLikeOursRunInTheBox) {
  const LowArgs low = parse({"run", "check", "--json"});
  EXPECT_EQ(low.verb, Verb::run);
  EXPECT_FALSE(low.json);
  EXPECT_THAT(low.rest, ElementsAre("check", "--json"));
}

TEST(Parse, OptionsMayStandBeforeTheCommand) {
  const LowArgs low = parse({"--network", "offline", "--mount=/a:/b", "run", "--mount", "/c", "ls"});
  EXPECT_EQ(low.verb, Verb::run);
  EXPECT_EQ(low.network, "offline");
  EXPECT_THAT(low.mounts, ElementsAre("/a:/b", "/c"));
  EXPECT_THAT(low.rest, ElementsAre("ls"));
}

TEST(Parse, AValueThatLooksLikeACommandOrAListIsAValue) {
  EXPECT_EQ(parse({"--project", "instance"}).project, "instance");
  EXPECT_EQ(parse({"--project", "[a,b]"}).project, "[a,b]");
  EXPECT_EQ(parse({"--project=--x=y"}).project, "--x=y");
  EXPECT_THAT(parse({"--env", "A=[1,2]", "--env", "B=a=b"}).env, ElementsAre("A=[1,2]", "B=a=b"));
  EXPECT_EQ(parse({"instance", "rm", "list"}).argument, "list");
}

TEST(Parse, EveryOptionOfTheRunningCommands) {
  const LowArgs low =
      parse({"shell", "--network", "full",   "--project", "/p",        "--instance", "two",
             "--env", "A",         "--env",  "B=1",       "--mount",   "/m",         "--force",
             "--yes", "--dry-run", "--json", "--explain", "--timings", "--quiet",    "--verbose"});
  EXPECT_EQ(low.verb, Verb::shell);
  EXPECT_EQ(low.project, "/p");
  EXPECT_EQ(low.instance, "two");
  EXPECT_THAT(low.env, ElementsAre("A", "B=1"));
  EXPECT_TRUE(low.force && low.yes && low.dry_run && low.json && low.explain && low.timings && low.quiet &&
              low.verbose);
}

TEST(Parse, WhatIsOpenedMayBeGivenSeveralTimes) {
  const LowArgs low =
      parse({"--allow", "a.org", "run", "--allow=*.b.org", "--lan", "10.0.0.5:443", "--lan", "[fd12::1]:80",
             "--publish", "8080:3000", "--publish", "4000", "--reach", "5432", "--reach", "6379", "ls"});
  EXPECT_THAT(low.allow, ElementsAre("a.org", "*.b.org"));
  EXPECT_THAT(low.lan, ElementsAre("10.0.0.5:443", "[fd12::1]:80"));
  EXPECT_THAT(low.publish, ElementsAre("8080:3000", "4000"));
  EXPECT_THAT(low.reach, ElementsAre("5432", "6379"));
}

TEST(Parse, CommandsWithCommands) {
  EXPECT_EQ(parse({"instance", "list", "--json"}).verb, Verb::instance_list);
  EXPECT_EQ(parse({"instance", "gc", "--dry-run"}).verb, Verb::instance_gc);
  const LowArgs low = parse({"instance", "show", "0123"});
  EXPECT_EQ(low.verb, Verb::instance_show);
  EXPECT_EQ(low.argument, "0123");
  EXPECT_EQ(parse({"instance", "path"}).argument, "");
}

TEST(Parse, TheLogOfASession) {
  const LowArgs low = parse({"log", "20261124T154102Z-4711", "--denied", "--follow", "--json"});
  EXPECT_EQ(low.verb, Verb::log);
  EXPECT_EQ(low.argument, "20261124T154102Z-4711");
  EXPECT_TRUE(low.denied && low.follow && low.json);
  EXPECT_EQ(parse({"log"}).argument, "");
  EXPECT_THAT(usage_error({"--denied"}), HasSubstr("unknown option '--denied'"));
}

TEST(Parse, OlderSpellings) {
  EXPECT_EQ(parse({"--check"}).verb, Verb::check);
  EXPECT_EQ(parse({"--network", "none", "--shell"}).verb, Verb::shell);
  EXPECT_EQ(parse({"--shell", "--network", "none"}).network, "none");
  EXPECT_EQ(parse({"--gc"}).verb, Verb::instance_gc);
  EXPECT_THAT(usage_error({"check", "--gc"}), HasSubstr("unknown option '--gc'"));
}

TEST(Parse, Help) {
  EXPECT_EQ(parse({"--help"}).verb, Verb::help);
  EXPECT_EQ(parse({"instance", "rm", "--help"}).argument, "instance rm");
  EXPECT_FALSE(parse({"run", "--help"}).short_help);
  EXPECT_TRUE(parse({"run", "-h"}).short_help);
  EXPECT_EQ(parse({"help", "instance", "list"}).argument, "instance list");
  EXPECT_EQ(parse({"instance", "--help"}).argument, "instance");
  EXPECT_EQ(parse({"--version"}).verb, Verb::version);
}

TEST(Parse, AnUnknownOptionIsNeverHandedOn) {
  EXPECT_THAT(usage_error({"--netwrk", "full"}),
              AllOf(HasSubstr("unknown option '--netwrk'"), HasSubstr("did you mean --network?")));
  EXPECT_THAT(usage_error({"--netwrk=full"}), HasSubstr("unknown option '--netwrk'"));
  EXPECT_THAT(usage_error({"-p", "hello"}),
              AllOf(HasSubstr("unknown option '-p'"), HasSubstr("claudebox -- -p")));
  EXPECT_THAT(usage_error({"-yx"}), HasSubstr("unknown option '-yx'"));
  EXPECT_THAT(usage_error({"run", "--dryrun", "make"}), HasSubstr("did you mean --dry-run?"));
  EXPECT_THAT(usage_error({"check", "--network", "full"}), HasSubstr("unknown option '--network'"));
  EXPECT_THAT(usage_error({"--network", "full", "check"}),
              HasSubstr("--network means nothing to 'claudebox check'"));
}

TEST(Parse, AnUnknownCommandNamesTheNearest) {
  EXPECT_THAT(usage_error({"slef-test"}), HasSubstr("did you mean 'selftest'?"));
  EXPECT_THAT(usage_error({"instance", "lst"}), HasSubstr("did you mean 'list'?"));
  EXPECT_THAT(usage_error({"make", "test"}), HasSubstr("claudebox run make"));
  EXPECT_THAT(usage_error({"fix the bug"}), HasSubstr("claudebox -- 'fix the bug'"));
  EXPECT_THAT(usage_error({"plan", "make"}), HasSubstr("claudebox plan -- make"));
}

TEST(Parse, HiddenCommandsAreNotSuggested) {
  EXPECT_THAT(usage_error({"__mann"}), Not(HasSubstr("__man'")));
}

TEST(Parse, ValuesThatAreNot) {
  EXPECT_THAT(usage_error({"--network"}), HasSubstr("--network needs a value"));
  EXPECT_THAT(usage_error({"--network="}), HasSubstr("--network needs a value"));
  EXPECT_THAT(usage_error({"--project", ""}), HasSubstr("--project needs a value"));
  EXPECT_THAT(usage_error({"--network", "--yes"}), HasSubstr("--network needs a value"));
  EXPECT_THAT(usage_error({"--network", "--", "x"}), HasSubstr("--network needs a value"));
  EXPECT_THAT(usage_error({"--yes=1"}), HasSubstr("--yes takes no value"));
  EXPECT_THAT(usage_error({"--network", "full", "--network", "offline"}),
              HasSubstr("--network is given twice"));
  EXPECT_THAT(usage_error({"--network", "full", "run", "--network", "offline", "x"}),
              HasSubstr("--network is given twice"));
}

TEST(Parse, ArgumentsThatAreTooManyOrMissing) {
  EXPECT_THAT(usage_error({"instance"}), HasSubstr("'claudebox instance' needs a command"));
  EXPECT_THAT(usage_error({"instance", "rm"}), HasSubstr("needs ID"));
  EXPECT_THAT(usage_error({"instance", "rm", "a", "b"}), HasSubstr("unexpected argument 'b'"));
  EXPECT_THAT(usage_error({"shell", "x"}), HasSubstr("unexpected argument 'x'"));
  EXPECT_THAT(usage_error({"check", "--", "x"}), HasSubstr("takes nothing after --"));
  EXPECT_THAT(usage_error({"completion"}), HasSubstr("needs SHELL"));
}

}  // namespace
}  // namespace claudebox::cli
