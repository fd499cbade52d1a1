// One write(2) a line on a descriptor with O_APPEND: whoever reads meanwhile, or after a kill -9, meets whole lines and
// at most one that is cut off, which he leaves out. Where a write was cut off (full disk), the next one starts a line.
#include "instance/session_log.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"
#include "instance/session_line.h"
#include "instance/sessions.h"
#include "sys/clock.h"
#include "sys/fs.h"

namespace claudebox::instance {
namespace {

using report::NetworkEvent;
using Kind = NetworkEvent::Kind;

/// Names and destinations that are told apart; what is beyond them is in the sums only.
constexpr std::size_t kMaxKeys = 4096;
/// Destinations that the summary names.
constexpr std::size_t kNamed = 3;

std::string stamp(std::int64_t milliseconds) {
  const std::time_t seconds = milliseconds / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts)};
}

report::Session session_of(const plan::Plan& plan) {
  report::Session session;
  session.started = sys::wall_clock();
  session.command = base::hide_secrets(plan.command.display);
  session.network = plan::tier_name(plan.network.value);
  session.project = plan.project.root;
  for (const auto& host : plan.net.allow) session.allow.push_back(host.pattern);
  for (const auto& lan : plan.net.lan)
    session.lan.push_back((lan.name.empty() ? lan.prefix : lan.name) +
                          (lan.port == 0 ? "" : ":" + std::to_string(lan.port)));
  for (const auto& port : plan.net.publish)
    session.publish.push_back(std::to_string(port.host_port) + ":" + std::to_string(port.box_port));
  for (const auto& port : plan.net.reach) session.reach.push_back(std::to_string(port.port));
  for (const auto& mount : plan.mounts)
    if (mount.purpose == plan::Purpose::extra && mount.is_bind())
      session.mounts.push_back(mount.source + ":" + mount.target +
                               (mount.kind == plan::Mount::Kind::writable ? ":rw" : ":ro"));
  for (const auto& variable : plan.env)
    if (variable.kind == plan::EnvVar::Kind::extra) session.variables.push_back(variable.name);
  return session;
}

/// Opens a new file for the session and gives it its id.
sys::UniqueFd make_file(const sys::Directory& directory, report::Session& session) {
  const std::string id = stamp(session.started) + "-" + std::to_string(::getpid());
  for (int attempt = 1; attempt <= 100; ++attempt) {
    session.id = attempt == 1 ? id : id + "-" + std::to_string(attempt);
    sys::UniqueFd file = sys::try_open_beneath(directory.get(), session.id + kSessionSuffix,
                                               O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600);
    if (file) return file;
    if (errno != EEXIST) break;
  }
  sys::throw_file_error(errno, "can't make the session's record in " + directory.path);
}

void remove_oldest(const sys::Directory& directory) {
  const auto names = session_names(directory);  // the newest first
  for (std::size_t i = kKeptSessions; i < names.size(); ++i) {
    const sys::UniqueFd file = sys::try_open_beneath(directory.get(), names[i], O_RDONLY);
    // A box that has run for longer than 50 others keeps its record.
    if (file && ::flock(file.get(), LOCK_SH | LOCK_NB) < 0) continue;
    ::unlinkat(directory.get(), names[i].c_str(), 0);
  }
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace

class SessionLog::State {
 public:
  explicit State(const plan::Plan& plan);
  void add(NetworkEvent event);
  void finish(const report::Outcome& outcome);
  std::string summary() const;
  const std::string& id() const { return session_.id; }
  void count_lost() { ++session_.lost; }

 private:
  using Destination = std::tuple<std::string, std::string, std::uint16_t>;
  struct Traffic {
    NetworkEvent sum{};  ///< over all gateways
    std::uint64_t before_out = 0, before_in = 0;
    std::uint64_t last_out = 0, last_in = 0;
    std::uint64_t written = 0;  ///< bytes in the record, both ways
  };
  struct Denial {
    NetworkEvent unwritten{};  ///< with the count since the record was full
    std::uint64_t count = 0;
    std::size_t order = 0;
  };

  void add_traffic(const NetworkEvent& event);
  void add_denial(const NetworkEvent& event);
  bool write_event(const NetworkEvent& event);
  void write(const std::string& line);

  sys::UniqueFd file_;
  report::Session session_;
  std::size_t written_ = 0;
  bool torn_ = false;
  bool finished_ = false;
  std::set<std::string> names_;
  std::map<Destination, Traffic> reached_;
  std::map<std::string, Denial> denied_;
};

SessionLog::State::State(const plan::Plan& plan) : session_(session_of(plan)) {
  const sys::Directory instance = sys::open_directory(plan.instance.directory);
  const sys::Directory directory = sys::make_directories_beneath(instance, kSessions);
  file_ = make_file(directory, session_);
  ::flock(file_.get(), LOCK_EX | LOCK_NB);  // whoever reads can tell that it runs
  write(format_session_start(session_));
  remove_oldest(directory);
}

void SessionLog::State::add(NetworkEvent event) {
  if (event.time == 0) event.time = sys::wall_clock();
  if (event.kind == Kind::lookup && names_.size() < kMaxKeys) names_.insert(event.name);
  if (event.kind == Kind::reached) return add_traffic(event);
  if (is_denial(event)) return add_denial(event);
  write_event(event);
}

void SessionLog::State::add_traffic(const NetworkEvent& event) {
  const Destination key{event.protocol, event.address, event.port};
  if (!reached_.contains(key) && reached_.size() >= kMaxKeys) {
    write_event(event);
    return;
  }
  Traffic& traffic = reached_[key];
  if (event.bytes_out < traffic.last_out || event.bytes_in < traffic.last_in) {
    traffic.before_out += traffic.last_out;
    traffic.before_in += traffic.last_in;
  }
  traffic.last_out = event.bytes_out;
  traffic.last_in = event.bytes_in;
  const bool is_new = traffic.sum.time == 0;
  traffic.sum = event;
  traffic.sum.bytes_out += traffic.before_out;
  traffic.sum.bytes_in += traffic.before_in;
  const std::uint64_t bytes = traffic.sum.bytes_out + traffic.sum.bytes_in;
  if ((is_new || bytes / 4 > traffic.written) && write_event(traffic.sum)) traffic.written = bytes;
}

void SessionLog::State::add_denial(const NetworkEvent& event) {
  const std::uint64_t count = std::max<std::uint64_t>(1, event.count);
  session_.denials += count;
  const bool written = write_event(event);
  const std::string key = destination(event);
  if (!denied_.contains(key) && denied_.size() >= kMaxKeys) return;
  const std::size_t order = denied_.size();
  Denial& denial = denied_[key];
  if (denial.count == 0) denial.order = order;
  denial.count += count;
  if (written) return;
  const std::uint32_t before = denial.unwritten.count;
  denial.unwritten = event;
  denial.unwritten.count = before + static_cast<std::uint32_t>(count);
}

void SessionLog::State::finish(const report::Outcome& outcome) {
  if (finished_) return;
  finished_ = true;
  for (const auto& [key, traffic] : reached_)
    if (traffic.sum.bytes_out + traffic.sum.bytes_in != traffic.written)
      write(format_session_event(traffic.sum));
  for (const auto& [key, denial] : denied_)
    if (denial.unwritten.count > 0) write(format_session_event(denial.unwritten));
  session_.ended = sys::wall_clock();
  session_.status = outcome.status;
  session_.reason = outcome.reason;
  constexpr const char* kOutcomes[] = {"exited", "killed", "violation", "failed"};
  session_.outcome = kOutcomes[static_cast<std::size_t>(outcome.kind)];
  write(format_session_end(session_));
}

bool SessionLog::State::write_event(const NetworkEvent& event) {
  if (written_ >= kMaxSessionBytes) return false;
  write(format_session_event(event));
  return true;
}

void SessionLog::State::write(const std::string& line) {
  const std::string bytes = torn_ ? "\n" + line : line;
  ssize_t put = 0;
  do {
    put = ::write(file_.get(), bytes.data(), bytes.size());
  } while (put < 0 && errno == EINTR);
  const bool whole = put == static_cast<ssize_t>(bytes.size());
  if (whole) torn_ = false;
  if (!whole && put > 0) torn_ = true;
  if (!whole) count_lost();
  if (put > 0) written_ += static_cast<std::size_t>(put);
}

std::string SessionLog::State::summary() const {
  std::string out;
  if (session_.denials > 0) {
    std::vector<const std::pair<const std::string, Denial>*> destinations;
    for (const auto& each : denied_) destinations.push_back(&each);
    std::ranges::sort(destinations, {}, [](const auto* each) { return each->second.order; });
    std::vector<std::string> named;
    for (const auto* each : destinations)
      if (named.size() < kNamed) named.push_back(each->first);
    out = "network: " + counted(names_.size(), "name", "names") + " looked up, " +
          counted(reached_.size(), "destination", "destinations") + " reached, " +
          counted(session_.denials, "time", "times") + " denied (" + base::join(named, ", ");
    if (destinations.size() > kNamed) out += " and " + std::to_string(destinations.size() - kNamed) + " more";
    out += "); claudebox log " + session_.id + " shows them";
  }
  if (session_.lost > 0)
    out += (out.empty() ? "" : "; ") + counted(session_.lost, "line of its record", "lines of its record") +
           " could not be written";
  return out;
}

SessionLog::SessionLog(const plan::Plan& plan) : state_(std::make_unique<State>(plan)) {}
SessionLog::~SessionLog() = default;
SessionLog::SessionLog(SessionLog&&) noexcept = default;

void SessionLog::add(const NetworkEvent& event) noexcept {
  try {
    state_->add(event);
  } catch (const std::exception&) {
    state_->count_lost();
  }
}

void SessionLog::finish(const report::Outcome& outcome) noexcept {
  try {
    state_->finish(outcome);
  } catch (const std::exception&) {
    state_->count_lost();
  }
}

const std::string& SessionLog::id() const {
  return state_->id();
}

std::string SessionLog::summary() const {
  return state_->summary();
}

}  // namespace claudebox::instance
