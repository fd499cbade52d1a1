// Theory of operation
//
//   tun ──read──► judge ──pass──► Ethernet header ──► slirp4netns
//                   └──refuse──► answer ──► tun
//   slirp4netns ──read──► IP only ──► judge ──pass──► tun
//
// The socket to slirp4netns is lossless and slirp4netns blocks when its side is full, so the two must never wait for each
// other: what it has no room for stays in `out_`, the tun device is not read meanwhile (the box's own queue fills, and the
// kernel slows the sender), and frames from it are read on. Nothing is buffered beyond that one packet. A few packets for
// each direction and turn keep one from starving the other and the name server.
//
// slirp4netns may block for seconds: a datagram to a neighbour of the host's that does not answer waits for its ARP, in
// a blocking socket. What is denied must be refused at once all the same. So a packet waits for a short time only; then
// what would go to slirp4netns is dropped, as by a full queue, and the tun device is read on, until there is room again.
//
// "Say it twice": the kernel only notes an ICMP error that arrives while connect(2) still holds the socket, and the gateway
// on another core is that fast. One connect in some thousands would wait a second for its next SYN. So the answer to a SYN
// is sent once more a millisecond later.
#include "gateway/link.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace claudebox::gateway {
namespace {

constexpr std::chrono::milliseconds kRepeatAfter{1};
constexpr std::chrono::milliseconds kReportEvery{500};
/// Longer than slirp4netns needs for what is queued, shorter than a person notices.
constexpr std::chrono::milliseconds kStalledAfter{50};

net::Time now_is() {
  return std::chrono::steady_clock::now();
}

}  // namespace

Link::Link(sys::EventLoop& loop, int tun, const net::PolicyRules& rules, net::Policy& policy,
           Reporter& reporter)
    : loop_(loop), tun_(tun), rules_(rules), policy_(policy), reporter_(reporter) {
  loop_.add(tun_, EPOLLIN, [this](std::uint32_t) { read_tun(); });
}

Link::~Link() {
  loop_.remove(tun_);
  if (slirp_) loop_.remove(slirp_.get());
}

void Link::connect(sys::UniqueFd slirp) {
  lose_slirp();
  slirp_ = std::move(slirp);
  loop_.add(slirp_.get(), EPOLLIN, [this](std::uint32_t events) { read_slirp(events); });
  for (auto frame : {arp_introduction(rules_.box_v4), ndp_introduction(rules_.box_v6)}) {
    [[maybe_unused]] const auto ignored = ::write(slirp_.get(), frame.data(), frame.size());
  }
}

void Link::lose_slirp() {
  if (!slirp_) return;
  loop_.remove(slirp_.get());
  slirp_.reset();
  if (pending_ > 0) watch_tun(true);
  pending_ = 0;
  stalled_ = false;
}

void Link::watch_tun(bool on) {
  loop_.modify(tun_, on ? EPOLLIN : 0U);
}

void Link::read_tun() {
  const auto now = now_is();
  for (int turn = 0; turn < kPacketsPerTurn && pending_ == 0; ++turn) {
    const ssize_t got = ::read(tun_, out_.data() + kEthernetHeader, out_.size() - kEthernetHeader);
    if (got <= 0) return;
    from_box(static_cast<std::size_t>(got), now);
  }
}

void Link::from_box(std::size_t length, net::Time now) {
  const auto packet = net::parse_packet(std::span(out_).subspan(kEthernetHeader, length));
  if (!packet) return;
  const auto [verdict, reason] = policy_.outgoing(*packet, now);
  if (verdict == net::Verdict::drop) return;
  if (verdict == net::Verdict::refuse) {
    reporter_.denied(*packet, reason, false);
    return refuse(*packet, now);
  }
  if (!slirp_) return;
  flows_.outgoing(*packet, now);
  traffic_ = true;
  write_ethernet_header(std::span(out_).first<kEthernetHeader>(), packet->source.is_v4());
  to_slirp(std::span(out_).first(kEthernetHeader + length));
}

void Link::refuse(const net::Packet& packet, net::Time now) {
  std::array<std::uint8_t, net::kMaxRefusal> answer;
  const std::size_t length = net::write_refusal(packet, answer);
  if (length == 0) return;
  to_box(std::span(answer).first(length));
  if (packet.protocol != net::kTcp) return;
  const bool opening = (packet.tcp_flags & net::kTcpSyn) != 0;
  if (opening && repeats_.size() < kMaxRepeats) {
    repeats_.push_back(
        {now + kRepeatAfter, {answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(length)}});
  } else if (!opening && slirp_) {
    // A connection that was passed earlier: its other end has to go, too, or the socket on the host stays open.
    reset_peer({.source = packet.source,
                .destination = packet.destination,
                .source_port = packet.source_port,
                .destination_port = packet.destination_port,
                .sequence = packet.sequence,
                .acknowledgement = packet.acknowledgement});
  }
}

void Link::reset_peer(const net::ResetTarget& target) {
  if (!slirp_ || pending_ > 0)
    return;  // what is waiting in `out_` comes first; slirp4netns gives up by itself later
  std::array<std::uint8_t, net::kMaxRefusal> packet;
  const std::size_t length = net::write_reset(target, packet);
  if (length == 0) return;
  write_ethernet_header(std::span(out_).first<kEthernetHeader>(), target.source.is_v4());
  std::copy_n(packet.begin(), length, out_.begin() + kEthernetHeader);
  to_slirp(std::span(out_).first(kEthernetHeader + length));
}

void Link::to_slirp(std::span<std::uint8_t> frame) {
  if (::write(slirp_.get(), frame.data(), frame.size()) >= 0) return;
  if (errno != EAGAIN || stalled_) return;  // the end of slirp4netns shows as EPOLLHUP
  pending_ = frame.size();
  pending_since_ = now_is();
  watch_tun(false);
  loop_.modify(slirp_.get(), EPOLLIN | EPOLLOUT);
}

void Link::slirp_has_room() {
  if (pending_ > 0) {
    if (::write(slirp_.get(), out_.data(), pending_) < 0 && errno == EAGAIN) return;
    pending_ = 0;
    watch_tun(true);
  }
  stalled_ = false;
  loop_.modify(slirp_.get(), EPOLLIN);
}

void Link::give_up_waiting() {
  pending_ = 0;
  stalled_ = true;
  watch_tun(true);
}

void Link::to_box(std::span<const std::uint8_t> packet) noexcept {
  // A full queue drops it, as any link does.
  [[maybe_unused]] const auto ignored = ::write(tun_, packet.data(), packet.size());
}

void Link::read_slirp(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) slirp_has_room();
  const auto now = now_is();
  for (int turn = 0; turn < kPacketsPerTurn; ++turn) {
    const ssize_t got = ::read(slirp_.get(), in_.data(), in_.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got <= 0) {
      lose_slirp();
      reporter_.send(SlirpLost{});
      return;
    }
    from_slirp(static_cast<std::size_t>(got), now);
  }
}

void Link::from_slirp(std::size_t length, net::Time now) {
  const auto bytes = packet_of_frame(std::span(in_).first(length));
  if (!bytes) return;
  const auto packet = net::parse_packet(*bytes);
  if (!packet) return;
  const auto [verdict, reason] = policy_.incoming(*packet, now);
  if (verdict == net::Verdict::refuse) reporter_.denied(*packet, reason, true);
  if (verdict != net::Verdict::pass) return;
  flows_.incoming(*packet, now);
  traffic_ = true;
  to_box(*bytes);
}

void Link::cut_forbidden(net::Time now) {
  const auto forbidden = [&](const net::Address& peer, std::uint16_t port) {
    return policy_.forbidden(peer, port, now) != nullptr;
  };
  for (const auto& [to_box_target, to_peer_target] : flows_.cut(forbidden)) {
    std::array<std::uint8_t, net::kMaxRefusal> packet;
    if (const std::size_t length = net::write_reset(to_box_target, packet))
      to_box(std::span(packet).first(length));
    reset_peer(to_peer_target);
  }
}

int Link::timeout(net::Time now) const {
  auto due = net::Time::max();
  if (!repeats_.empty()) due = repeats_.front().due;
  if (pending_ > 0) due = std::min(due, pending_since_ + kStalledAfter);
  if (traffic_ || reporter_.pending()) due = std::min(due, next_report_);
  if (due == net::Time::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

void Link::work(net::Time now, bool all) {
  while (!repeats_.empty() && repeats_.front().due <= now) {
    to_box(repeats_.front().answer);
    repeats_.pop_front();
  }
  if (pending_ > 0 && now >= pending_since_ + kStalledAfter) give_up_waiting();
  if (!all && now < next_report_) return;
  next_report_ = now + kReportEvery;
  reporter_.flush();
  if (!traffic_) return;
  traffic_ = false;
  for (const auto& [protocol, address, port, out, in] : flows_.take_changes())
    reporter_.send(Reached{.protocol = protocol, .address = address, .port = port, .out = out, .in = in});
}

}  // namespace claudebox::gateway
