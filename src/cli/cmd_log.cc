#include <poll.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "cli/command.h"
#include "cli/json.h"
#include "instance/registry.h"
#include "instance/sessions.h"
#include "render/log.h"

namespace claudebox::cli {
namespace {

/// How often --follow looks at the record.
constexpr int kPollMilliseconds = 200;
/// Sessions that a hint names.
constexpr std::size_t kNamed = 3;

/// A session and the instance that it belongs to.
struct Entry {
  std::string instance;
  std::string directory;
  report::Session session;
};

/// As people in this time zone write it: "2026-11-24 15:41:02".
std::string local_time(std::int64_t milliseconds) {
  const std::time_t seconds = milliseconds / 1000;
  std::tm parts{};
  char text[32];
  if (!::localtime_r(&seconds, &parts)) return "?";
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)};
}

/// Those of the instances that `belongs` takes, the newest first.
std::vector<Entry> entries(const Context& context, const std::function<bool(const std::string&)>& belongs) {
  std::vector<Entry> out;
  for (const auto& record : instance::list(state_root(context))) {
    if (!belongs(record.id)) continue;
    for (auto& session : instance::sessions(record.directory))
      out.push_back({record.id, record.directory, std::move(session)});
  }
  std::ranges::stable_sort(out, std::greater(), [](const Entry& entry) { return entry.session.started; });
  return out;
}

std::vector<Entry> all_entries(const Context& context) {
  return entries(context, [](const std::string&) { return true; });
}

/// Also those of its parallel instances, ID-NAME.
std::vector<Entry> entries_of(const Context& context, const std::string& instance) {
  const std::string own = instance.substr(0, instance.find('-'));
  return entries(context, [&](const std::string& id) { return id == own || id.starts_with(own + "-"); });
}

std::string newest_ids(const std::vector<Entry>& list, const std::string& without = {}) {
  std::vector<std::string> ids;
  for (const auto& entry : list)
    if (entry.session.id != without && ids.size() < kNamed) ids.push_back(entry.session.id);
  return base::join(ids, ", ");
}

/// The one with this id, or the only one whose id begins so. Throws.
Entry named(const Context& context, const std::string& id) {
  const std::vector<Entry> all = all_entries(context);
  std::vector<Entry> matching;
  std::vector<std::string> ids;
  for (const auto& entry : all) {
    if (entry.session.id == id) return entry;
    if (entry.session.id.starts_with(id)) matching.push_back(entry);
    ids.push_back(entry.session.id);
  }
  if (matching.size() == 1) return matching.front();
  if (matching.size() > 1)
    throw base::Error("several sessions begin with " + id, "the newest of them: " + newest_ids(matching));
  const auto near = base::nearest(id, ids);
  throw base::Error("no session " + id, near          ? "did you mean " + *near + "?"
                                        : all.empty() ? "no box has left a record yet"
                                                      : "the newest are " + newest_ids(all));
}

/// The one that was asked for, else the one that runs, else the newest. Throws.
Entry chosen(const Context& context) {
  if (!context.low.argument.empty()) return named(context, context.low.argument);
  const auto list =
      entries_of(context, project_instance(context, "or name a session: claudebox log SESSION"));
  if (list.empty())
    throw base::Error("no session of this project is on record",
                      "each box leaves a record; claudebox log SESSION shows that of another project");
  const auto running = std::ranges::find_if(list, [](const Entry& entry) { return entry.session.running; });
  return running == list.end() ? list.front() : *running;
}

/// For grep and its like each entry is one line.
render::Style log_style(const Context& context) {
  render::Style style = style_for(STDOUT_FILENO, context.host);
  if (!context.host.is_terminal(STDOUT_FILENO)) style.width = 10000;
  return style;
}

void mention_others(const Context& context, const Entry& entry) {
  const auto list = entries_of(context, entry.instance);
  if (list.size() < 2) return;
  const std::size_t others = list.size() - 1;
  say("hint: " + std::to_string(others) + " other session" + (others == 1 ? "" : "s") +
      " of this project: " + base::escape_for_terminal(newest_ids(list, entry.session.id)) +
      (others > kNamed ? ", ..." : "") + "\n");
}

std::vector<report::NetworkEvent> events_of(const Entry& entry, bool denied_only) {
  instance::SessionReader reader(entry.directory, entry.session.id);
  std::vector<report::NetworkEvent> events;
  for (auto& line : reader.lines())
    if (auto* event = std::get_if<report::NetworkEvent>(&line); event && (!denied_only || is_denial(*event)))
      events.push_back(std::move(*event));
  return events;
}

int show(const Context& context, const Entry& entry) {
  // Names of addresses are worth something beside a denial, too, so the page leaves out what is not wanted.
  const auto digest = render::log_digest(events_of(entry, context.low.json && context.low.denied));
  if (context.low.json) {
    print(session_json(entry.instance, entry.session, digest));
    return 0;
  }
  const render::Log log(entry.session, log_style(context), local_time);
  print(log.header() + log.page(digest, context.low.denied) + "\n" + log.ending());
  mention_others(context, entry);
  return 0;
}

/// A line of the record, as text or as JSON.
std::string followed(const LowArgs& low, render::Log& log, const report::NetworkEvent& event) {
  if (low.json) return session_event_json(event);
  return log.line(event);
}

void take_end(report::Session& session, const report::Session& end) {
  session.ended = end.ended;
  session.outcome = end.outcome;
  session.status = end.status;
  session.reason = end.reason;
  session.denials = end.denials;
  session.lost = end.lost;
}

int follow(const Context& context, Entry entry) {
  const auto style = log_style(context);
  render::Log log(entry.session, style, local_time);
  print(context.low.json ? session_start_json(entry.instance, entry.session) : log.header());
  instance::SessionReader reader(entry.directory, entry.session.id);
  while (true) {
    entry.session.running = reader.running();
    std::string out;
    for (const auto& line : reader.lines()) {
      const auto* event = std::get_if<report::NetworkEvent>(&line);
      if (event) {
        // Also of what is not wanted: the names of addresses are remembered.
        const std::string text = followed(context.low, log, *event);
        if (!context.low.denied || is_denial(*event)) out += text;
      }
      if (const auto* end = std::get_if<instance::SessionEnd>(&line)) take_end(entry.session, end->session);
    }
    if (!out.empty()) print(out);
    if (!entry.session.running || entry.session.ended) break;
    ::poll(nullptr, 0, kPollMilliseconds);
  }
  entry.session.running = false;
  print(context.low.json ? session_end_json(entry.session)
                         : render::Log(entry.session, style, local_time).ending());
  return 0;
}

}  // namespace

int show_log(const Context& context) {
  Entry entry = chosen(context);
  return context.low.follow ? follow(context, std::move(entry)) : show(context, entry);
}

int print_sessions(const Context& context) {
  std::string out;
  for (const auto& [instance, directory, session] : all_entries(context))
    out += base::escape_for_terminal(session.id) + "\t" + local_time(session.started) + " " +
           base::escape_for_terminal(session.command) + "\n";
  print(out);
  return 0;
}

}  // namespace claudebox::cli
