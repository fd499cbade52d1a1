#include "instance/session_log.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "instance/sessions.h"
#include "instance_fixture.h"

namespace claudebox::instance {
namespace {

using report::NetworkEvent;
using Kind = NetworkEvent::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

NetworkEvent lookup(const std::string& name, const std::string& result = "answered") {
  return {.kind = Kind::lookup, .time = 1000, .name = name, .type = "A", .result = result};
}
NetworkEvent denied(const std::string& address, std::uint16_t port, std::uint32_t count = 1) {
  return {.kind = Kind::denied,
          .time = 2000,
          .protocol = "tcp",
          .address = address,
          .port = port,
          .reason = "private network",
          .count = count};
}
NetworkEvent reached(const std::string& address, std::uint64_t out, std::uint64_t in) {
  return {.kind = Kind::reached,
          .time = 3000,
          .protocol = "tcp",
          .address = address,
          .port = 443,
          .bytes_out = out,
          .bytes_in = in};
}

class SessionLogTest : public testing::InstanceTest {
 protected:
  SessionLogTest() {
    std::filesystem::create_directories(plan.instance.directory);
    plan.command.display = "claude";
    plan.network.value = plan::Tier::internet;
  }
  std::string file_of(const SessionLog& log) const {
    return plan.instance.directory + "/sessions/" + log.id() + ".jsonl";
  }
  std::string text_of(const SessionLog& log) const {
    std::ostringstream out;
    out << std::ifstream(file_of(log)).rdbuf();
    return out.str();
  }
  std::vector<NetworkEvent> events_of(const SessionLog& log) const {
    std::vector<NetworkEvent> out;
    SessionReader reader(plan.instance.directory, log.id());
    for (const auto& line : reader.lines())
      if (const auto* event = std::get_if<NetworkEvent>(&line)) out.push_back(*event);
    return out;
  }
  std::vector<report::Session> all() const { return sessions(plan.instance.directory); }

  plan::Plan plan = plan_for("project");
};

TEST_F(SessionLogTest, ARunLeavesItsStartItsEventsAndItsEnd) {
  plan.command.display = "deploy --token ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5";
  plan.net.publish = {{.host_port = 8080, .box_port = 3000, .origin = {}}};
  plan.env = {{.name = "API_KEY", .value = "very secret", .kind = plan::EnvVar::Kind::extra}};
  SessionLog log(plan);
  EXPECT_THAT(all(), SizeIs(1));
  EXPECT_TRUE(all()[0].running);
  EXPECT_FALSE(all()[0].ended);
  log.add(lookup("example.org"));
  log.add(denied("10.0.0.1", 22));
  log.finish({.kind = report::Outcome::Kind::exited, .status = 3});

  EXPECT_THAT(events_of(log), ElementsAre(lookup("example.org"), denied("10.0.0.1", 22)));
  const auto session = all().at(0);
  EXPECT_EQ(session.id, log.id());
  EXPECT_EQ(session.network, "internet");
  EXPECT_EQ(session.project, plan.project.root);
  EXPECT_THAT(session.publish, ElementsAre("8080:3000"));
  EXPECT_THAT(session.variables, ElementsAre("API_KEY"));
  EXPECT_EQ(session.status, 3);
  EXPECT_EQ(session.outcome, "exited");
  EXPECT_EQ(session.denials, 1U);
  EXPECT_GE(session.ended, session.started);
  EXPECT_THAT(text_of(log), Not(HasSubstr("very secret")));
  EXPECT_THAT(text_of(log), Not(HasSubstr("ghp_aB3dE5gH7jK9")));
  const auto mode = std::filesystem::status(file_of(log)).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SessionLogTest, NothingThatABoxMadeUpCanForgeALineOrReachATerminal) {
  const std::string evil =
      "a\n{\"kind\":\"end\"}\r\x1b]0;owned\x07\x7f\xc2\x9b"
      "2J\xe2\x80\xae\xff\x80.test";
  SessionLog log(plan);
  NetworkEvent event = lookup(evil, evil);
  event.addresses = {evil};
  event.type = evil;
  log.add(event);
  NetworkEvent refusal = denied(evil, 1);
  refusal.reason = evil;
  refusal.protocol = evil;
  log.add(refusal);
  const std::string text = text_of(log);
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); })) << text;
  ASSERT_THAT(events_of(log), SizeIs(2));
  EXPECT_THAT(events_of(log)[0].name, HasSubstr("\x1b]0;owned"));  // told as it was, to be escaped when shown
  EXPECT_FALSE(all()[0].ended);
}

TEST_F(SessionLogTest, ARecordThatWasCutOffOrDamagedIsReadAsFarAsItGoes) {
  SessionLog log(plan);
  log.add(lookup("one.test"));
  std::ofstream(file_of(log), std::ios::app)
      << "{\"kind\":\"lookup\",\"na\n"
      << "[1,2]\n\n"
      << std::string(300000, 'x') << "\n"
      << R"({"kind":"later","time":1})" << "\n"
      << R"({"kind":"denied","time":"x","port":70000,"count":-1})" << "\n";
  log.add(lookup("two.test"));
  std::ofstream(file_of(log), std::ios::app) << R"({"kind":"lookup","name":"half)";
  const auto events = events_of(log);
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[0].name, "one.test");
  EXPECT_EQ(events[1].kind, Kind::denied);
  EXPECT_EQ(events[1].port, 0);
  EXPECT_EQ(events[2].name, "two.test");
  EXPECT_THAT(all(), SizeIs(1));
}

TEST_F(SessionLogTest, AKilledSupervisorLeavesASessionThatDoesNotRun) {
  testing::ForkedChild child([&] {
    SessionLog log(plan);
    log.add(lookup("example.org"));
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  ASSERT_THAT(all(), SizeIs(1));
  EXPECT_FALSE(all()[0].running);
  EXPECT_FALSE(all()[0].ended);
}

TEST_F(SessionLogTest, AReaderFollows) {
  SessionLog log(plan);
  SessionReader reader(plan.instance.directory, log.id());
  EXPECT_THAT(reader.lines(), SizeIs(1));
  EXPECT_THAT(reader.lines(), IsEmpty());
  log.add(lookup("one.test"));
  std::ofstream(file_of(log), std::ios::app) << R"({"kind":"lookup","na)";
  EXPECT_THAT(reader.lines(), SizeIs(1));
  std::ofstream(file_of(log), std::ios::app) << "me\":\"two.test\"}\n";
  const auto more = reader.lines();
  ASSERT_THAT(more, SizeIs(1));
  EXPECT_EQ(std::get<NetworkEvent>(more[0]).name, "two.test");
  EXPECT_TRUE(reader.running());
}

TEST_F(SessionLogTest, TrafficIsWrittenWhenItIsNewWhenItHasGrownAndAtTheEnd) {
  SessionLog log(plan);
  for (std::uint64_t i = 1; i <= 1000; ++i) log.add(reached("198.51.100.1", i * 1000, i * 2000));
  EXPECT_LT(events_of(log).size(), 10U);
  EXPECT_GE(events_of(log).size(), 3U);
  log.finish({});
  EXPECT_EQ(events_of(log).back(), reached("198.51.100.1", 1000000, 2000000));
}

TEST_F(SessionLogTest, TheBytesOfAGatewayAfterTheFirstAreAdded) {
  SessionLog log(plan);
  log.add(reached("198.51.100.1", 100, 200));
  log.add(reached("198.51.100.1", 10, 20));
  log.add(reached("198.51.100.1", 11, 22));
  log.finish({});
  EXPECT_EQ(events_of(log).back(), reached("198.51.100.1", 111, 222));
}

TEST_F(SessionLogTest, ItsSizeIsBoundedAndItsSumsAreRight) {
  SessionLog log(plan);
  const std::string address(200, 'a');
  for (int i = 0; i < 60000; ++i) log.add(denied(address + std::to_string(i % 100), 22));
  log.finish({});
  EXPECT_LT(text_of(log).size(), kMaxSessionBytes + 100000);
  std::uint64_t sum = 0;
  for (const auto& event : events_of(log)) sum += event.count;
  EXPECT_EQ(sum, 60000U);
  EXPECT_EQ(all()[0].denials, 60000U);
}

TEST_F(SessionLogTest, ManyDifferentNamesAndDestinationsAreBoundedInMemoryAndCounted) {
  SessionLog log(plan);
  for (int i = 0; i < 10000; ++i) log.add(denied("10.0.0." + std::to_string(i), 22));
  EXPECT_THAT(log.summary(), HasSubstr("10000 times denied"));
  EXPECT_THAT(log.summary(), HasSubstr("and 4093 more"));
}

TEST_F(SessionLogTest, AFullDiskLosesLinesAndSaysSo) {
  // In a child, with a limit on the size of files in place of a full disk.
  testing::ForkedChild child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    SessionLog log(plan);
    const rlimit tight{.rlim_cur = text_of(log).size() + 20, .rlim_max = RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    log.add(lookup("lost.test"));
    log.add(lookup("lost-too.test"));
    const rlimit wide{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &wide);
    log.add(lookup("kept.test"));
    log.finish({});
    if (log.summary() != "2 lines of its record could not be written") return 1;
    const auto events = events_of(log);
    return events.size() == 1 && events[0].name == "kept.test" ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(all().at(0).lost, 2U);
}

TEST_F(SessionLogTest, TheSummaryNamesWhatWasDenied) {
  SessionLog log(plan);
  EXPECT_EQ(log.summary(), "");
  log.add(lookup("a.test"));
  log.add(lookup("a.test"));
  log.add(lookup("b.test", "no such name"));
  log.add(reached("198.51.100.1", 1, 1));
  EXPECT_EQ(log.summary(), "");
  log.add(denied("169.254.169.254", 80, 3));
  EXPECT_EQ(log.summary(),
            "network: 2 names looked up, 1 destination reached, 3 times denied (169.254.169.254:80); "
            "claudebox log " +
                log.id() + " shows them");
  log.add(denied("fd00::1", 22));
  log.add(lookup("evil.test", "refused"));
  log.add(denied("10.0.0.1", 0));
  EXPECT_THAT(log.summary(),
              HasSubstr("6 times denied (169.254.169.254:80, [fd00::1]:22, evil.test and 1 more)"));
}

TEST_F(SessionLogTest, TheNewestFiftyAreKeptAndThoseThatRun) {
  SessionLog running(plan);
  const std::string directory = plan.instance.directory + "/sessions/";
  // It becomes the oldest.
  std::filesystem::rename(file_of(running), directory + "20000101T000000Z-1.jsonl");
  for (int i = 0; i < 60; ++i)
    std::ofstream(directory + "20010101T0000" + std::to_string(10 + i) + "Z-2.jsonl")
        << format_session_start({.id = "x", .started = i});
  const SessionLog newest(plan);
  const auto kept = all();
  EXPECT_THAT(kept, SizeIs(kKeptSessions + 1));
  EXPECT_EQ(kept.front().id, newest.id());
  EXPECT_TRUE(std::filesystem::exists(directory + "20000101T000000Z-1.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(directory + "20010101T000010Z-2.jsonl"));
  EXPECT_TRUE(std::filesystem::exists(directory + "20010101T000069Z-2.jsonl"));
}

TEST_F(SessionLogTest, TwoInOneSecondHaveTwoRecords) {
  const SessionLog one(plan);
  const SessionLog two(plan);
  EXPECT_NE(one.id(), two.id());
  EXPECT_THAT(all(), SizeIs(2));
}

TEST_F(SessionLogTest, NoSessionsAndNoInstanceAreNoError) {
  EXPECT_THAT(all(), IsEmpty());
  EXPECT_THAT(sessions("/nowhere"), IsEmpty());
  const std::string directory = plan.instance.directory + "/sessions/";
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "empty.jsonl") << "";
  std::filesystem::create_symlink("/etc/passwd", directory + "link.jsonl");
  std::filesystem::create_directory(directory + "directory.jsonl");
  EXPECT_THAT(all(), IsEmpty());
}

}  // namespace
}  // namespace claudebox::instance
