// The plan as a command for bash. What differs from the launch: bwrap makes the root by itself, mount by mount, looking
// paths up again, and claudebox's outer namespaces, its watch and its supervisor are missing.
// What is the same: everything that the command sees.
#include <algorithm>
#include <array>
#include <cstdio>

#include "base/path.h"
#include "base/secret.h"
#include "base/text.h"
#include "plan/bwrap_args.h"
#include "plan/limits.h"

namespace claudebox::plan {
namespace {

/// Descriptors below 10 belong to the shell and its user (bash(1), REDIRECTION).
constexpr int kFirstDescriptor = 10;

/// A secret shorter than this may be an ordinary word; longer ones are looked for in the command's arguments.
constexpr std::size_t kShortestTrace = 6;

/// How many words follow an option; options that are not here have one.
constexpr auto kNoOperand = std::to_array<std::string_view>(
    {"--unshare-user", "--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
     "--unshare-net", "--unshare-cgroup", "--unshare-cgroup-try", "--unshare-all", "--share-net",
     "--die-with-parent", "--new-session", "--disable-userns", "--assert-userns-disabled", "--clearenv",
     "--as-pid-1"});
constexpr auto kTwoOperands = std::to_array<std::string_view>(
    {"--bind", "--ro-bind", "--setenv", "--symlink", "--file", "--bind-data", "--ro-bind-data"});

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
}

/// Quotes for bash. Control characters are spelled out ($'\t'): pasted as they are, a terminal or readline
/// would act on them. Bytes above 0x7f are spelled out where they are no clean text.
std::string quote(std::string_view word) {
  const bool clean = std::all_of(word.begin(), word.end(), is_plain);
  if (clean && base::escape_for_terminal(word) == word) return base::shell_quote(word);
  std::string out = "$'";
  char buffer[8];
  for (const char c : word) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || c == '\'') {
      (out += '\\') += c;
    } else if (c >= 0x20 && c < 0x7f && c != '!') {  // bash expands history inside $'…' where it is on
      out += c;
    } else {
      std::snprintf(buffer, sizeof buffer, "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += buffer;
    }
  }
  return out += '\'';
}

/// Text of several lines stays in several lines, so that it can be read.
std::string quote_text(std::string_view text) {
  std::string one_line(text);
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  if (base::escape_for_terminal(one_line) != one_line) return quote(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out += '\'';
}

bool is_identifier(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

class ShellCommand {
 public:
  ShellCommand(const Plan& plan, const std::string& program) : plan_(plan), program_(program) {}

  std::string text() {
    std::string box = "env -i " + quote(plan_.bwrap);
    // The launch makes the network namespace around bwrap; here bwrap has to.
    if (plan_.network.value != Tier::full) line(box, "--unshare-net");
    const auto words = bwrap_options(plan_);
    for (std::size_t at = 0; at < words.size();) at = add_option(words, at, box);
    std::string command = "--";
    for (std::size_t i = 0; i < plan_.command.argv.size(); ++i)
      command += " " + argument(plan_.command.argv[i], i);
    line(box, command);
    return difference() + "(\n" + preparation() + box + "\n)\n";
  }

 private:
  /// What no bwrap command can do by itself.
  std::string difference() const {
    const std::string login = plan_.login.mode.value == LoginMode::broker
                                  ? "# The login is not in it: claudebox keeps that beside bwrap.\n"
                                  : "";
    return login + limit_difference() + network_difference();
  }
  /// RLIMIT_NPROC as well: only in the launch's outer user namespace it counts this box alone.
  std::string limit_difference() const {
    std::vector<std::string> outside;
    for (const auto& limit : plan_.limits.all)
      if (limit.by == Limit::By::group ||
          (limit.by == Limit::By::resource && limit.kind == LimitKind::processes))
        outside.push_back(std::string(limit_name(limit.kind)) + " " + limit_amount(limit.kind, limit.amount));
    if (outside.empty()) return {};
    return "# Not in it: the limits " + base::join(outside, ", ") +
           ", to which claudebox holds the box from outside.\n";
  }
  std::string network_difference() const {
    const std::string tier = tier_name(plan_.network.value);
    if (plan_.has_gateway())
      return "# The tier " + tier +
             " needs the gateway that claudebox runs beside bwrap. By itself this makes the same box "
             "offline.\n";
    if (!plan_.net.publish.empty() || !plan_.net.reach.empty())
      return "# Published and reached ports are not in it: claudebox forwards them beside bwrap.\n";
    return {};
  }

  static void line(std::string& out, const std::string& words) { (out += " \\\n  ") += words; }

  /// Adds the option at `at`, with --perms before what it belongs to. Returns where the next one begins.
  std::size_t add_option(const std::vector<Word>& words, std::size_t at, std::string& out) {
    std::string option;
    do {
      if (!option.empty()) option += ' ';
      at = append_option(words, at, option);
    } while (option.starts_with("--perms") && option.find(" --") == std::string::npos && at < words.size());
    line(out, option);
    return at;
  }

  std::size_t append_option(const std::vector<Word>& words, std::size_t at, std::string& out) {
    const auto* name = std::get_if<std::string>(&words[at]);
    if (!name) {
      out += operand(words, at);
      return at + 1;
    }
    const std::size_t operands = is_one_of(*name, kNoOperand) ? 0 : is_one_of(*name, kTwoOperands) ? 2 : 1;
    const std::size_t end = std::min(at + 1 + operands, words.size());
    out += *name;
    if (*name == "--setenv" && end == at + 3) {
      const auto& variable = std::get<std::string>(words[at + 1]);
      out += " " + quote(variable) + " " + value(variable, std::get<std::string>(words[at + 2]));
      return end;
    }
    for (std::size_t i = at + 1; i < end; ++i) out += " " + operand(words, i);
    return end;
  }

  std::string operand(const std::vector<Word>& words, std::size_t at) {
    const Word& word = words[at];
    if (const auto* text = std::get_if<std::string>(&word)) return quote(*text);
    const std::string number = std::to_string(kFirstDescriptor + static_cast<int>(redirections_.size()));
    if (const auto* bytes = std::get_if<Bytes>(&word)) {
      const auto* target = at + 1 < words.size() ? std::get_if<std::string>(&words[at + 1]) : nullptr;
      redirections_.push_back(number + input(bytes->content, target ? *target : std::string()));
    } else {
      redirections_.push_back(number + "< <(" + quote(program_) + " __seccomp-filter)");
    }
    return number;
  }

  /// The redirection that gives exactly `content`.
  std::string input(const std::string& content, const std::string& target) const {
    for (const auto& mount : plan_.mounts)
      if (mount.kind == Mount::Kind::file && mount.target == target && !mount.source.empty())
        return "<" + quote(mount.source);
    if (content.empty()) return "</dev/null";
    // A here-string adds a newline (bash(1)), so it can stand for text that ends in one.
    if (content.ends_with('\n'))
      return "<<<" + quote_text(std::string_view(content).substr(0, content.size() - 1));
    return "< <(printf %s " + quote_text(content) + ")";
  }

  /// A value from the host is taken from the host again. A secret is never printed, wherever it came from:
  /// where it is not set in the shell, nothing starts.
  std::string value(const std::string& name, const std::string& text) const {
    const auto variable = std::find_if(plan_.env.begin(), plan_.env.end(),
                                       [&](const EnvVar& candidate) { return candidate.name == name; });
    const bool from_host = variable != plan_.env.end() && variable->from_host;
    const bool generated = variable == plan_.env.end() || variable->kind == EnvVar::Kind::generated;
    const bool secret = !base::secret_shape(text).empty() || (!generated && base::secret_name(name));
    if (!from_host && !secret) return quote(text);
    // Under another name: the one that the profile says, and not the one that a secret may stand in beside it.
    const std::string& there = from_host && !variable->host_name.empty() ? variable->host_name : name;
    if (!is_identifier(there)) return "\"$(printenv " + quote(there) + ")\"";
    if (from_host) return "\"$" + there + "\"";
    return demand(name);
  }

  std::string argument(const std::string& word, std::size_t number) const {
    const bool secret =
        !base::secret_shape(word).empty() ||
        std::any_of(plan_.env.begin(), plan_.env.end(), [&](const EnvVar& variable) {
          return variable.kind != EnvVar::Kind::generated &&
                 (base::secret_name(variable.name) || base::secret_name(variable.host_name)) &&
                 variable.value.size() >= kShortestTrace && word.find(variable.value) != std::string::npos;
        });
    return secret ? demand("ARGUMENT_" + std::to_string(number)) : quote(word);
  }

  /// A variable of the shell that it must have, else bash says why and starts nothing.
  static std::string demand(const std::string& name) {
    return "\"${" + name + ":?looks like a secret, so it is not printed: set it first}\"";
  }

  /// What the launch makes before bwrap: the instance's directories, the inert files, which go away again, and the
  /// descriptors. These by exec: bash leaves the descriptor of a <(…) open in the command that it stands at, and the
  /// box would inherit it. In parentheses with all the rest, so that bash has read everything before anything of it
  /// reads the terminal.
  std::string preparation() const {
    std::string directories;
    if (!plan_.instance.home.empty()) directories += " " + quote(plan_.instance.home);
    for (const auto& file : plan_.state)
      if (file.policy == StateFile::Policy::directory) directories += " " + quote(file.path);
    if (plan_.login.mode.value == LoginMode::store) directories += " " + quote(plan_.login.directory);
    std::string out;
    if (!directories.empty()) out += "(umask 077; mkdir -p" + directories + ")\n";
    if (!plan_.stubs.empty()) out += "made=(); trap 'rm -df -- \"${made[@]}\"' EXIT\n";
    for (const auto& stub : plan_.stubs) {
      const std::string path = quote(stub.path);
      out += "[ -e " + path + " ] || { ";
      out += stub.kind == Stub::Kind::directory ? "mkdir " + path
                                                : "printf %s " + quote(stub.content) + " >" + path;
      out += "; made+=(" + path + "); }\n";
    }
    for (const auto& limit : plan_.limits.all) {
      if (limit.by != Limit::By::resource) continue;
      if (limit.kind == LimitKind::memory)
        out += "ulimit -d " + std::to_string(limit.amount / 1024) + "\n";  // in KiB
      if (limit.kind == LimitKind::open_files) out += "ulimit -n " + std::to_string(limit.amount) + "\n";
    }
    for (const auto& redirection : redirections_) out += "exec " + redirection + "\n";
    return out;
  }

  const Plan& plan_;
  const std::string& program_;
  std::vector<std::string> redirections_;
};

}  // namespace

std::string bwrap_shell_command(const Plan& plan, const std::string& program) {
  return ShellCommand(plan, program).text();
}

}  // namespace claudebox::plan
