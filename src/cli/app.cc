#include "cli/app.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <span>

#include "base/error.h"
#include "base/text.h"
#include "cli/reference.h"
#include "cli/scan.h"
#include "plan/agent.h"

namespace claudebox::cli {
namespace {

/// What CLI11 has no slot for. Registered in the same call as the option, so that none can be forgotten.
struct Extra {
  std::string_view value_name{};
  std::string_view group{};
  std::string_view env{};
  Completion completion = Completion::none;
  std::vector<std::string> choices{};
  bool several = false;
};

constexpr std::string_view kBox = "The box";
constexpr std::string_view kStart = "Starting it";
constexpr std::string_view kOutput = "Output";

std::vector<std::string> agent_names() {
  std::vector<std::string> names;
  for (const auto& agent : plan::agents()) names.emplace_back(agent.name);
  return names;
}

/// CLI11's tree and, beside each of its nodes, what the documentation needs.
class Tree {
 public:
  /// Everything, or what one command line needs: the options of the commands that start boxes take a third of a millisecond to make, so
  /// only those have them that a word could mean.
  explicit Tree(LowArgs& low, const std::vector<std::string>* arguments = nullptr) : low_(low) {
    root_.name("claudebox");
    root_.set_help_flag();
    root_.require_subcommand(0, 1);
    apps_.push_back(&root_);
    details_[&root_].synopsis = "[OPTIONS] [-- AGENT-ARGS...]";
    add_running_options(root_);
    flag(root_, "--version", "print the version", low_.verb, Verb::version, {.group = kOutput});
    add_running_commands(arguments);
    add_other_commands();
    add_hidden_commands();
    for (CLI::App* app : apps_) add_help(*app);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  /// `words` as `scan` gives them. Throws base::Error.
  void parse(const Scanned& scanned);
  CommandDoc document() { return document(root_, ""); }

 private:
  struct Detail {
    Verb verb = Verb::agent;
    std::string_view synopsis;
    bool hidden = false;
    bool command = false;
  };

  CLI::App& command(CLI::App& parent, const char* name, const char* summary, Detail detail) {
    CLI::App* app = parent.add_subcommand(name, summary);
    app->set_help_flag();
    details_[app] = detail;
    if (!detail.hidden) apps_.push_back(app);
    return *app;
  }

  template <class T>
  void flag(CLI::App& app, const char* names, const char* summary, T& target, T value, Extra extra) {
    extras_[app.add_flag_function(
        names, [&target, value](std::int64_t) { target = value; }, summary)] = std::move(extra);
  }
  void flag(CLI::App& app, const char* names, const char* summary, bool& target, Extra extra) {
    flag(app, names, summary, target, true, std::move(extra));
  }

  void value(CLI::App& app, const char* names, const char* summary, std::optional<std::string>& target,
             Extra extra) {
    const auto take = [&target](const CLI::results_t& typed) {
      target = unmark(typed.front());
      return true;
    };
    extras_[app.add_option(names, take, summary)->expected(1)] = std::move(extra);
  }

  void list(CLI::App& app, const char* names, const char* summary, std::vector<std::string>& target,
            Extra extra) {
    const auto take = [&target](const CLI::results_t& typed) {
      for (const auto& word : typed) target.push_back(unmark(word));
      return true;
    };
    extras_[app.add_option(names, take, summary)
                ->expected(1)
                ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)] = std::move(extra);
  }

  CLI::Option* positional(CLI::App& app, const char* name, const char* summary, Extra extra) {
    const auto take = [this](const CLI::results_t& typed) {
      low_.argument = unmark(typed.front());
      return true;
    };
    CLI::Option* option = app.add_option(name, take, summary)->expected(1);
    extra.value_name = name;
    extras_[option] = std::move(extra);
    return option;
  }

  void add_help(CLI::App& app) {
    flag(app, "-h,--help", "-h: one line for each option; --help: all there is to say", help_wanted_,
         {.group = kOutput});
  }
  void add_json(CLI::App& app) {
    flag(app, "--json", "print one JSON record for programs", low_.json, {.group = kOutput});
  }
  void add_project(CLI::App& app) {
    value(app, "--project", "the project, in place of the one around the current directory", low_.project,
          {.value_name = "DIR", .group = kBox, .completion = Completion::directory});
  }

  void add_running_options(CLI::App& app) {
    value(app, "--profile", "take the grants of a profile", low_.profile,
          {.value_name = "NAME",
           .group = kBox,
           .env = "CLAUDEBOX_PROFILE",
           .completion = Completion::profiles});
    value(app, "--agent", "the coding agent, in place of Claude Code", low_.agent,
          {.value_name = "NAME", .group = kBox, .completion = Completion::choices, .choices = agent_names()});
    value(app, "--network", "how much network the box has", low_.network,
          {.value_name = "TIER",
           .group = kBox,
           .env = "CLAUDEBOX_NETWORK",
           .completion = Completion::choices,
           .choices = {"internet", "allowlist", "offline", "full"}});
    list(app, "--allow", "a host that the tier allowlist reaches", low_.allow,
         {.value_name = "HOST", .group = kBox});
    list(app, "--lan", "open one private destination", low_.lan, {.value_name = "DEST", .group = kBox});
    list(app, "--publish", "bring a port of the box to the host's loopback", low_.publish,
         {.value_name = "[HOSTPORT:]PORT", .group = kBox});
    list(app, "--reach", "bring a port of the host's loopback into the box", low_.reach,
         {.value_name = "PORT", .group = kBox});
    flag(app, "--nix-daemon", "let the box build with this machine's Nix daemon", low_.nix_daemon,
         {.group = kBox});
    flag(app, "--nix-daemon-network", "also in offline and allowlist, which its builds leave",
         low_.nix_daemon_network, {.group = kBox});
    list(app, "--package", "have Nix provide a package", low_.packages, {.value_name = "PKG", .group = kBox});
    value(app, "--devshell", "take the dev shell of a flake; . is the project's own", low_.devshell,
          {.value_name = "FLAKE[#NAME]", .group = kBox, .completion = Completion::directory});
    list(app, "--mount", "show a path of the host in the box", low_.mounts,
         {.value_name = "SRC[:DST][:ro|rw]", .group = kBox, .completion = Completion::file});
    list(app, "--env", "pass a variable into the box", low_.env,
         {.value_name = "NAME[=VALUE]", .group = kBox, .completion = Completion::variable});
    value(app, "--auth", "what the agent logs in with", low_.auth,
          {.value_name = "MODE",
           .group = kBox,
           .completion = Completion::choices,
           .choices = {"broker", "store", "env", "none"}});
    list(app, "--limit", "bound what the box uses of the machine", low_.limits,
         {.value_name = "NAME=AMOUNT", .group = kBox});
    add_project(app);
    value(app, "--instance", "use a parallel instance beside the project's own", low_.instance,
          {.value_name = "NAME", .group = kBox});
    flag(app, "--force", "share the instance with a box that holds it", low_.force, {.group = kBox});
    flag(app, "-y,--yes", "start without asking", low_.yes, {.group = kStart, .env = "CLAUDEBOX_YES"});
    flag(app, "--dry-run", "show what would be done, do nothing", low_.dry_run, {.group = kStart});
    add_json(app);
    flag(app, "--explain", "say why each grant is there", low_.explain, {.group = kOutput});
    flag(app, "--timings", "say how long each stage took", low_.timings, {.group = kOutput});
    flag(app, "-q,--quiet", "say only what went wrong", low_.quiet, {.group = kOutput});
    flag(app, "-v,--verbose", "show every mount by itself, and the bwrap command", low_.verbose,
         {.group = kOutput});
  }

  void add_running_commands(const std::vector<std::string>* arguments) {
    const auto add = [&](const char* name, const char* summary, const Detail& detail) {
      CLI::App& app = command(root_, name, summary, detail);
      // --shell is the older spelling of shell.
      const auto means_it = [&](const std::string& word) {
        return word == name || word == std::string("--") + name;
      };
      if (!arguments || std::ranges::any_of(*arguments, means_it)) add_running_options(app);
    };
    add("run", "run any command in the box", {Verb::run, "[OPTIONS] [--] COMMAND [ARG...]", false, true});
    add("shell", "a shell in the box", {Verb::shell, "[OPTIONS]"});
    add("plan", "show what a run would do, do nothing",
        {Verb::plan, "[OPTIONS] [-- COMMAND [ARG...]]", false, true});
    add("selftest", "attack the box from inside and report what held", {Verb::selftest, "[OPTIONS]"});
  }

  void add_other_commands() {
    add_json(
        command(root_, "check", "is this machine ready, and what to do if not", {Verb::check, "[--json]"}));

    CLI::App& instance =
        command(root_, "instance", "what is kept for each project", {Verb::instance_list, "COMMAND"});
    instance.require_subcommand(1);
    add_json(command(instance, "list", "all instances", {Verb::instance_list, "[--json]"}));
    const Extra id{.completion = Completion::instances};
    CLI::App& show =
        command(instance, "show", "one instance, and who holds it", {Verb::instance_show, "[ID]"});
    positional(show, "ID", "the instance; this project's own where it is left out", id);
    add_project(show);
    add_json(show);
    CLI::App& path = command(instance, "path", "the directory of an instance", {Verb::instance_path, "[ID]"});
    positional(path, "ID", "the instance; this project's own where it is left out", id);
    add_project(path);
    CLI::App& remove = command(instance, "rm", "remove an instance", {Verb::instance_rm, "ID"});
    positional(remove, "ID", "the instance, or the beginning of its id", id)->required();
    CLI::App& gc = command(instance, "gc", "remove what belongs to projects that are gone",
                           {Verb::instance_gc, "[--dry-run]"});
    flag(gc, "--dry-run", "say what would be removed", low_.dry_run, {.group = kStart});

    CLI::App& log = command(root_, "log", "what boxes looked up, reached and were denied",
                            {Verb::log, "[SESSION] [--denied] [--follow]"});
    positional(log, "SESSION", "the session; the one that runs, else the newest, where it is left out",
               {.completion = Completion::sessions});
    flag(log, "--denied", "only what was denied", low_.denied, {.group = kOutput});
    flag(log, "--follow", "go on until the session ends", low_.follow, {.group = kOutput});
    add_project(log);
    add_json(log);

    add_profile_commands();

    add_package_commands();

    CLI::App& completion = command(root_, "completion", "print a shell's completion script",
                                   {Verb::completion, "bash|zsh|fish"});
    positional(completion, "SHELL", "the shell",
               {.completion = Completion::choices, .choices = {"bash", "zsh", "fish"}})
        ->required();
    CLI::App& help =
        command(root_, "help", "help on claudebox or one of its commands", {Verb::help, "[COMMAND...]"});
    positional(help, "COMMAND", "the command", {.completion = Completion::command, .several = true});
  }

  void add_profile_commands() {
    CLI::App& profile = command(root_, "profile", "named sets of grants", {Verb::profile_list, "COMMAND"});
    profile.require_subcommand(1);
    add_json(command(profile, "list", "all profiles", {Verb::profile_list, "[--json]"}));
    const Extra name{.completion = Completion::profiles};
    CLI::App& show = command(profile, "show", "what a profile comes to, and from where",
                             {Verb::profile_show, "NAME [--json]"});
    positional(show, "NAME", "the profile", name)->required();
    add_json(show);
    CLI::App& check =
        command(profile, "check", "what is wrong with profiles", {Verb::profile_check, "[NAME|FILE]"});
    positional(check, "NAME|FILE", "a profile, or a file that may lie anywhere; all where it is left out",
               name);
    CLI::App& fresh = command(profile, "new", "make a profile from an example",
                              {Verb::profile_new, "NAME [--like EXAMPLE]"});
    positional(fresh, "NAME", "what it is to be called", name)->required();
    value(fresh, "--like", "the example to begin with", low_.like,
          {.value_name = "EXAMPLE",
           .group = kBox,
           .completion = Completion::choices,
           .choices = {"plain", "web", "review", "cloud", "nix", "accounts"}});
    CLI::App& import = command(profile, "import", "turn a profile of the older claudebox into TOML",
                               {Verb::profile_import, "FILE.sh [--as NAME]"});
    positional(import, "FILE.sh", "the older profile, which is read and not run",
               {.completion = Completion::file})
        ->required();
    value(import, "--as", "what it is to be called; the file's name where it is left out", low_.as,
          {.value_name = "NAME", .group = kBox});

    CLI::App& trust =
        command(root_, "trust", "approve this project's .claudebox.toml and flake as they are now",
                {Verb::trust, "[--revoke|--json] [--package PKG] [--devshell FLAKE]"});
    flag(trust, "--revoke", "take the approval back", low_.revoke, {.group = kStart});
    list(trust, "--package", "a package of a local flake", low_.packages,
         {.value_name = "PKG", .group = kBox});
    value(trust, "--devshell", "the dev shell of a local flake; . is the project's own", low_.devshell,
          {.value_name = "FLAKE[#NAME]", .group = kBox, .completion = Completion::directory});
    value(trust, "--profile", "with the packages of a profile", low_.profile,
          {.value_name = "NAME",
           .group = kBox,
           .env = "CLAUDEBOX_PROFILE",
           .completion = Completion::profiles});
    add_json(trust);
    add_project(trust);
  }

  void add_package_commands() {
    CLI::App& packages =
        command(root_, "packages", "what Nix has resolved for boxes", {Verb::packages_list, "COMMAND"});
    packages.require_subcommand(1);
    add_json(command(packages, "list", "all that is resolved", {Verb::packages_list, "[--json]"}));
    CLI::App& update = command(packages, "update", "resolve anew what is asked for here",
                               {Verb::packages_update, "[--profile NAME] [--package PKG]"});
    value(update, "--profile", "take the packages of a profile", low_.profile,
          {.value_name = "NAME",
           .group = kBox,
           .env = "CLAUDEBOX_PROFILE",
           .completion = Completion::profiles});
    list(update, "--package", "a package", low_.packages, {.value_name = "PKG", .group = kBox});
    value(update, "--devshell", "the dev shell of a flake; . is the project's own", low_.devshell,
          {.value_name = "FLAKE[#NAME]", .group = kBox, .completion = Completion::directory});
    add_project(update);
    flag(update, "-q,--quiet", "say only what went wrong", low_.quiet, {.group = kOutput});
    CLI::App& remove = command(packages, "remove", "forget what was resolved, so that Nix may collect it",
                               {Verb::packages_remove, "NAME | --all"});
    positional(remove, "NAME", "the package as packages list shows it", {.completion = Completion::packages});
    flag(remove, "--all", "everything", low_.all, {.group = kStart});
  }

  void add_hidden_commands() {
    command(root_, "__profile-schema", "print the JSON Schema of profiles", {Verb::profile_schema, "", true});
    command(root_, "__man", "print the man page", {Verb::generate_man, "", true});
    command(root_, "__seccomp-filter", "write the box's system call filter",
            {Verb::seccomp_filter, "", true});
    CLI::App& complete =
        command(root_, "__complete", "print values to complete", {Verb::complete, "KIND", true});
    positional(
        complete, "KIND", "what is to be completed",
        {.completion = Completion::choices, .choices = {"instances", "packages", "profiles", "sessions"}})
        ->required();
  }

  /// CLI11 takes "[a,b]" for two values, and a value that is named like a command for that command. Nothing
  /// that starts with the mark looks like either.
  static std::string mark(const std::string& word) {
    if (!word.starts_with('-')) return "=" + word;
    const std::size_t equals = word.find('=');
    return equals == std::string::npos ? word : word.substr(0, equals) + "==" + word.substr(equals + 1);
  }
  static std::string unmark(const std::string& value) { return value.substr(1); }

  CommandDoc document(CLI::App& app, const std::string& path);
  OptionDoc document(const CLI::Option& option, const std::string& command);

  LowArgs& low_;
  bool help_wanted_ = false;
  CLI::App root_{"runs Claude Code, or any command, without permission prompts in a sandbox on this project"};
  std::vector<CLI::App*> apps_;  ///< without the hidden ones
  std::map<const CLI::App*, Detail> details_;
  std::map<const CLI::Option*, Extra> extras_;
};

OptionDoc Tree::document(const CLI::Option& option, const std::string& command) {
  const Extra& extra = extras_.at(&option);
  OptionDoc doc;
  for (const auto& name : option.get_snames()) doc.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) doc.names.push_back("--" + name);
  doc.value_name = extra.value_name;
  doc.choices = extra.choices;
  doc.env = extra.env;
  doc.group = extra.group;
  doc.summary = option.get_description();
  doc.completion = extra.completion;
  doc.repeatable = extra.several || (!extra.value_name.empty() &&
                                     option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll);
  doc.required = option.get_required();
  if (!doc.names.empty()) doc.long_doc = option_text(doc.main_name(), command);
  return doc;
}

CommandDoc Tree::document(CLI::App& app, const std::string& path) {
  const Detail& detail = details_.at(&app);
  CommandDoc doc;
  doc.name = app.get_name();
  doc.synopsis = path.empty() ? std::string(detail.synopsis)
                              : path + (detail.synopsis.empty() ? "" : " ") + std::string(detail.synopsis);
  doc.summary = app.get_description();
  doc.long_doc = command_text(path);
  doc.hidden = detail.hidden;
  doc.command = detail.command;
  for (const CLI::Option* option : app.get_options())
    (option->get_positional() ? doc.positionals : doc.options).push_back(document(*option, path));
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; }))
    doc.subcommands.push_back(document(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name()));
  if (path.empty()) doc.sections = reference_sections();
  return doc;
}

/// What `scan` leaves to CLI11 is little. Its words are about its own notions, so they are said anew.
[[noreturn]] void throw_usage(const CLI::ParseError& error, const std::string& command) {
  const std::string what = error.what();
  const std::string name = what.substr(0, what.find(':'));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) && name.starts_with("--"))
    throw base::Error(name + " is given twice", "keep one of the two", base::ExitCode::usage);
  throw base::Error(what, "see claudebox " + (command.empty() ? "" : command + " ") + "--help",
                    base::ExitCode::usage);
}

void Tree::parse(const Scanned& scanned) {
  std::vector<std::string> words;
  CLI::App* app = &root_;
  if (!scanned.command.empty())
    for (const auto& word : base::split(scanned.command, ' ')) {
      words.push_back(word);
      app = app->get_subcommand(word);
    }
  low_.verb = details_.at(app).verb;
  for (const auto& word : scanned.words) {
    if (word == "-h") low_.short_help = true;
    if (word == "-h" || word == "--help") help_wanted_ = true;
    words.push_back(mark(word));
  }
  // Before the parse: who asks for help may have left out what is required.
  if (!help_wanted_) {
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    try {
      root_.parse(std::move(words));
    } catch (const CLI::ParseError& error) {
      throw_usage(error, scanned.command);
    }
  }
  if (help_wanted_) {
    low_.verb = Verb::help;
    low_.argument = scanned.command;
  }
  low_.rest = scanned.rest;
}

}  // namespace

LowArgs parse(const std::vector<std::string>& arguments) {
  LowArgs low;
  Tree tree(low, &arguments);
  tree.parse(scan(tree.document(), arguments));
  return low;
}

CommandDoc command_tree() {
  LowArgs unused;
  return Tree(unused).document();
}

}  // namespace claudebox::cli
