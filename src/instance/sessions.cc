#include "instance/sessions.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>

#include "base/error.h"

namespace claudebox::instance {
namespace {

/// No line of ours is longer.
constexpr std::size_t kMaxLine = 256U << 10;
/// The last line is in there.
constexpr std::size_t kTail = 8192;

bool is_running(int file) {
  // The supervisor holds an exclusive lock for as long as it lives.
  if (::flock(file, LOCK_SH | LOCK_NB) < 0) return errno == EWOULDBLOCK;
  ::flock(file, LOCK_UN);
  return false;
}

std::string read_at(int file, off_t offset, std::size_t size) {
  std::string out(size, '\0');
  const ssize_t got = ::pread(file, out.data(), size, offset);
  out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return out;
}

/// From the first line and the last one; the events between are not read.
std::optional<report::Session> read_session(int file) {
  struct stat st{};
  if (::fstat(file, &st) < 0 || !S_ISREG(st.st_mode)) return {};
  const bool running = is_running(file);
  const std::string head = read_at(file, 0, kMaxLine);
  const auto start = parse_session_line(head.substr(0, head.find('\n')));
  const auto* begun = std::get_if<SessionStart>(&start);
  if (!begun) return {};
  report::Session session = begun->session;
  session.running = running;

  std::string tail = read_at(file, std::max<off_t>(0, st.st_size - static_cast<off_t>(kTail)), kTail);
  while (tail.ends_with('\n')) tail.pop_back();
  const std::size_t last = tail.rfind('\n');
  const auto end = parse_session_line(last == std::string::npos ? tail : tail.substr(last + 1));
  if (const auto* ended = std::get_if<SessionEnd>(&end)) {
    session.ended = ended->session.ended;
    session.outcome = ended->session.outcome;
    session.status = ended->session.status;
    session.reason = ended->session.reason;
    session.denials = ended->session.denials;
    session.lost = ended->session.lost;
  }
  return session;
}

}  // namespace

std::vector<std::string> session_names(const sys::Directory& directory) {
  std::vector<std::string> names;
  for (auto& name : sys::entry_names(directory))
    if (name.ends_with(kSessionSuffix)) names.push_back(std::move(name));
  std::ranges::sort(names, std::greater());
  return names;
}

std::vector<report::Session> sessions(const std::string& instance_directory) {
  std::vector<report::Session> out;
  const sys::Directory directory{sys::UniqueFd(::open((instance_directory + "/" + kSessions).c_str(),
                                                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)),
                                 instance_directory + "/" + kSessions};
  if (!directory.descriptor) return out;
  for (const auto& name : session_names(directory)) {
    const sys::UniqueFd file = sys::try_open_beneath(directory.get(), name, O_RDONLY | O_NONBLOCK);
    if (!file) continue;
    // The name counts, so that a record that was copied or edited can still be asked for by it.
    if (auto session = read_session(file.get())) {
      session->id = name.substr(0, name.size() - std::string_view(kSessionSuffix).size());
      out.push_back(std::move(*session));
    }
  }
  std::ranges::stable_sort(out, std::greater(), &report::Session::started);
  return out;
}

SessionReader::SessionReader(const std::string& instance_directory, const std::string& id) {
  const std::string path = instance_directory + "/" + kSessions + "/" + id + kSessionSuffix;
  file_.reset(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file_) base::throw_system_error(errno, "can't open " + path);
}

bool SessionReader::running() const {
  return is_running(file_.get());
}

std::vector<SessionLine> SessionReader::lines() {
  std::vector<SessionLine> out;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) base::throw_system_error(errno, "can't read the session's record");
    if (got == 0) return out;
    rest_.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      auto line = discarding_ ? SessionLine() : parse_session_line(rest_.substr(begin, end - begin));
      discarding_ = false;
      if (!std::holds_alternative<std::monostate>(line)) out.push_back(std::move(line));
    }
    rest_.erase(0, begin);
    if (rest_.size() <= kMaxLine) continue;
    rest_.clear();
    discarding_ = true;
  }
}

}  // namespace claudebox::instance
