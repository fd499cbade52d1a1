// Theory of operation
//
//   running ──TERM, HUP──► waiting ──► stopping ──grace over, or asked again──► killing ──► ended
//      │                                                                           ▲
//      ├──a protection no longer holds, the network broke for good─────────────────┤
//      └──the command ends─────────────────────────────────────────────────────────┴──────► ended
//
// running: before its network is ready there is no command, so whatever asks for an end ends the box. Then terminal signals (Ctrl-C, Ctrl-\) reach the whole foreground group, the command included, so the
//   supervisor only survives them and lets the command decide. Sent by a process (kill -INT), or where the command has a
//   session of its own, they reach the supervisor alone, so it hands them on. SIGTSTP, SIGTTIN and SIGTTOU keep their defaults: on Ctrl-Z the
//   supervisor stops with the rest of the group, and the shell gets its prompt.
// waiting: a client in the box is about to renew its login. Stopped now, it would lose it, so the request is kept
//   back until it is done, at most 35 seconds (its own request gives up after 30). Most stops don't wait at all.
// stopping: TERM went to the command itself, never to bwrap: that is pid 1 of its namespace and ignores it, or takes
//   the command down without a word.
// killing: SIGKILL to the outer pid 1; the kernel ends everything in its pid namespace. After a renewal, likewise.
#include "runtime/supervisor.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>

#include "base/error.h"
#include "runtime/bwrap_status.h"
#include "runtime/inner_command.h"
#include "sys/event_loop.h"
#include "sys/memory.h"

namespace claudebox::runtime {
namespace {

/// How long the command may take to end after a stop request.
constexpr std::chrono::seconds kGrace{10};
/// How long a stop waits for a login that is being renewed, and how often it looks.
constexpr std::chrono::seconds kRenewal{35};
constexpr std::chrono::milliseconds kLook{50};
/// A box that has lived as long as this will live on for a while.
constexpr std::chrono::seconds kSettled{1};

using Clock = std::chrono::steady_clock;

class Supervisor {
 public:
  explicit Supervisor(RunningBox box)
      : box_(std::move(box)),
        loop_(*box_.loop),
        signals_(sys::make_signal_descriptor(supervised_signals())),
        timer_(sys::make_timer()),
        settled_(sys::make_timer()) {}

  report::Outcome run() {
    loop_.add(box_.child->pidfd.get(), EPOLLIN, [this](std::uint32_t) { loop_.stop(); });
    loop_.add(signals_.get(), EPOLLIN, [this](std::uint32_t) { on_signals(); });
    loop_.add(timer_.get(), EPOLLIN, [this](std::uint32_t) {
      sys::clear_timer(timer_.get());
      go_on();
    });
    loop_.add(settled_.get(), EPOLLIN, [this](std::uint32_t) {
      sys::clear_timer(settled_.get());
      sys::give_back_memory();
    });
    sys::arm_timer(settled_.get(), kSettled);
    loop_.add(box_.status_pipe, EPOLLIN, [this](std::uint32_t) { read_status(); });
    const auto take = [this](int pipe, const auto& sink) {
      if (pipe >= 0)
        loop_.add(pipe, EPOLLIN, [this, pipe, &sink](std::uint32_t) { read_output(pipe, sink); });
    };
    take(box_.output_pipe, box_.options->capture);
    take(box_.error_pipe, box_.options->capture_errors);
    if (box_.guard->descriptor() >= 0)
      loop_.add(box_.guard->descriptor(), EPOLLIN, [this](std::uint32_t) { check_guard(); });
    box_.network->start(loop_, std::move(box_.box_network), box_.child->pid,
                        {.ready = [this] { release(); },
                         .failed = [this](const std::string& reason) { network_failed(reason); },
                         .event = [this](const auto& event) { tell(event); },
                         .stage = [this](const char* name) { stage(name); }});
    loop_.run();
    return finish();
  }

 private:
  void release() {
    released_ = true;
    // Nobody reads it any more where the box has been killed meanwhile: its end is told to the loop anyway.
    [[maybe_unused]] const auto ignored = ::write(box_.block_pipe, "1", 1);
    stage("release");
  }

  /// Before that nobody else takes notice of Ctrl-C.
  bool command_may_run() const { return box_.block_pipe < 0 || released_; }

  void network_failed(const std::string& reason) {
    network_failure_ = reason;
    kill_box();
  }

  void tell(const report::NetworkEvent& event) const {
    if (box_.options->on_event) box_.options->on_event(event);
  }

  void stage(const char* name) const {
    if (box_.options->on_stage) box_.options->on_stage(name);
  }

  void on_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      const int signal = static_cast<int>(info.ssi_signo);
      const bool from_terminal = info.ssi_code == SI_KERNEL;
      if (box_.options->on_signal) box_.options->on_signal(signal);
      const bool asks_for_end = signal == SIGTERM || signal == SIGHUP;
      if (asks_for_end || (!command_may_run() && (signal == SIGINT || signal == SIGQUIT))) {
        stop(signal);
      } else if (!from_terminal || box_.own_session) {
        send_signal(find_inner_command(box_.child->pid), signal);
      }
    }
  }

  void stop(int signal) {
    if (stopped_by_ != 0) {
      asked_again_ = true;
      return go_on();
    }
    stopped_by_ = signal;
    wait_until_ = Clock::now() + kRenewal;
    go_on();
  }

  /// The next step to the end, when its time has come.
  void go_on() {
    if (box_.renewing && box_.renewing() && Clock::now() < wait_until_)
      return sys::arm_timer(timer_.get(), kLook);
    if (!asked_) {
      asked_ = true;
      return ask_command();
    }
    if (asked_again_ || Clock::now() >= grace_until_) return kill_box();
    sys::arm_timer(timer_.get(), kLook);
  }

  void ask_command() {
    const auto command = find_inner_command(box_.child->pid);
    if (!send_signal(command, stopped_by_))
      return kill_box();  // it has not started yet: there is nothing to be polite to
    // A stopped command would not see the signal before somebody says fg.
    send_signal(command, SIGCONT);
    asked_again_ = false;
    grace_until_ = Clock::now() + kGrace;
    sys::arm_timer(timer_.get(), kGrace);
  }

  void kill_box() { send_signal(box_.child->pidfd, SIGKILL); }

  void check_guard() {
    if (std::string why = box_.guard->check(); !why.empty() && violation_.empty()) {
      violation_ = std::move(why);
      kill_box();
    }
  }

  void read_status() {
    char buffer[4096];
    const ssize_t got = ::read(box_.status_pipe, buffer, sizeof buffer);
    if (got > 0) status_.feed({buffer, static_cast<std::size_t>(got)});
    if (got == 0) loop_.remove(box_.status_pipe);
  }

  using Sink = std::function<void(std::string_view)>;

  void read_output(int pipe, const Sink& sink) {
    char buffer[16384];
    const ssize_t got = ::read(pipe, buffer, sizeof buffer);
    if (got > 0) sink({buffer, static_cast<std::size_t>(got)});
    if (got == 0) loop_.remove(pipe);
  }

  static void drain_output(int pipe, const Sink& sink) {
    char buffer[16384];
    if (pipe < 0) return;
    for (ssize_t got = 0; (got = ::read(pipe, buffer, sizeof buffer)) > 0;)
      sink({buffer, static_cast<std::size_t>(got)});
  }

  void drain() {
    char buffer[16384];
    for (ssize_t got = 0; (got = ::read(box_.status_pipe, buffer, sizeof buffer)) > 0;)
      status_.feed({buffer, static_cast<std::size_t>(got)});
    drain_output(box_.output_pipe, box_.options->capture);
    drain_output(box_.error_pipe, box_.options->capture_errors);
  }

  report::Outcome finish() {
    int status = 0;
    while (::waitpid(box_.child->pid, &status, 0) < 0)
      if (errno != EINTR) base::throw_system_error(errno, "can't wait for the box");
    drain();
    box_.network->finish();
    // Events that were pending when the box ended: what appeared in its last moment must not stay.
    if (box_.guard->descriptor() >= 0) check_guard();

    using Kind = report::Outcome::Kind;
    const auto code = status_.exit_code();
    box_.terminal->restore(/*restore_modes=*/!code || *code > 128 || !violation_.empty());
    if (!violation_.empty())
      return {
          .kind = Kind::violation, .status = static_cast<int>(base::ExitCode::setup), .reason = violation_};
    if (!network_failure_.empty() && !released_)
      return {.kind = Kind::failed,
              .status = static_cast<int>(base::ExitCode::setup),
              .reason = "the box's network can't be had: " + network_failure_};
    if (!network_failure_.empty())
      return {.kind = Kind::violation,
              .status = static_cast<int>(base::ExitCode::setup),
              .reason = network_failure_};
    if (code) return {.kind = Kind::exited, .status = *code};
    if (stopped_by_ != 0 && !command_may_run())
      return {.kind = Kind::killed,
              .status = 128 + stopped_by_,
              .reason = "stopped while the box's network was not ready: the command has not run"};
    if (stopped_by_ != 0)
      return {.kind = Kind::killed,
              .status = 128 + stopped_by_,
              .reason = "the command did not end when asked to"};
    if (WIFSIGNALED(status))
      return {.kind = Kind::killed,
              .status = 128 + WTERMSIG(status),
              .reason = "the box was killed from outside"};
    return {.kind = Kind::failed,
            .status = static_cast<int>(base::ExitCode::setup),
            .reason = "bubblewrap could not make the box; what it says stands above"};
  }

  RunningBox box_;
  sys::EventLoop& loop_;
  sys::UniqueFd signals_;
  sys::UniqueFd timer_;
  sys::UniqueFd settled_;
  BwrapStatus status_;
  int stopped_by_ = 0;
  bool asked_ = false;        ///< the command has been told
  bool asked_again_ = false;  ///< there was another request since
  Clock::time_point wait_until_;
  Clock::time_point grace_until_;
  std::string violation_;
  std::string network_failure_;
  bool released_ = false;
};

}  // namespace

sigset_t supervised_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&set, signal);
  return set;
}

report::Outcome supervise(RunningBox box) {
  return Supervisor(std::move(box)).run();
}

}  // namespace claudebox::runtime
