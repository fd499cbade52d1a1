// A plan as planning would make it, with one of everything that rendering has to show. For tests.
#pragma once

#include "plan/plan.h"

namespace claudebox::render {

inline plan::Plan hand_made_plan() {
  using base::Origin;
  using plan::EnvVar;
  using plan::Mount;
  using plan::Note;
  using plan::Purpose;
  const Origin builtin{Origin::Kind::builtin, "system", "programs and libraries, read-only"};
  const Origin git{Origin::Kind::detected, ".git", "git runs what it says on your host"};

  plan::Plan plan;
  plan.network = {plan::Tier::full, {Origin::Kind::flag, "--network full", "asked for"}};
  plan.project = {.root = "/home/dev/src/app",
                  .directory = "/home/dev/src/app/lib",
                  .canonical_root = "/home/dev/src/app",
                  .read_only = false,
                  .origin = {Origin::Kind::detected, "current directory", "the git work tree around it"}};
  plan.instance = {.id = "3f1c0a9b7d2e4568",
                   .directory = "/home/dev/.claudebox/instances/3f1c0a9b7d2e4568",
                   .home = "/home/dev/.claudebox/instances/3f1c0a9b7d2e4568/home",
                   .share = false};
  plan.command = {plan::Action::command, {"/usr/bin/make", "test"}, "make test"};
  plan.uid = 1000;
  plan.gid = 1000;
  plan.user = "dev";
  plan.user_home = "/home/dev";
  plan.scope_abstract_sockets = true;
  plan.bwrap = "/usr/bin/bwrap";
  const Origin profile{Origin::Kind::profile, "web.toml:7", "asked for"};
  plan.limits.all = {{.kind = plan::LimitKind::memory,
                      .amount = 8ULL << 30,
                      .by = plan::Limit::By::resource,
                      .origin = profile},
                     {.kind = plan::LimitKind::cpu,
                      .amount = 150,
                      .by = plan::Limit::By::nothing,
                      .reason = "there is no cgroup v2 at /sys/fs/cgroup",
                      .origin = profile},
                     {.kind = plan::LimitKind::processes,
                      .amount = 500,
                      .by = plan::Limit::By::resource,
                      .origin = profile}};
  plan.mounts = {
      {.kind = Mount::Kind::read_only, .target = "/usr", .source = "/usr", .origin = builtin},
      {.kind = Mount::Kind::symlink, .target = "/bin", .source = "usr/bin", .origin = builtin},
      {.kind = Mount::Kind::proc, .target = "/proc", .origin = builtin},
      {.kind = Mount::Kind::dev, .target = "/dev", .origin = builtin},
      {.kind = Mount::Kind::tmpfs, .target = "/tmp", .mode = 01777, .origin = builtin},
      {.kind = Mount::Kind::file,
       .target = "/etc/passwd",
       .content = "dev:x:1000:1000::/home/dev:/bin/bash\n",
       .mode = 0444,
       .origin = {Origin::Kind::builtin, "generated", "cut to this user"}},
      {.kind = Mount::Kind::file,
       .target = "/etc/services",
       .source = "/etc/services",
       .content = "ssh 22/tcp\n",
       .mode = 0444,
       .origin = {Origin::Kind::builtin, "/etc", "chosen system configuration"}},
      {.kind = Mount::Kind::writable,
       .target = "/home/dev",
       .source = plan.instance.home,
       .purpose = Purpose::home,
       .origin = {Origin::Kind::builtin, "instance", "private to this project's boxes, kept"}},
      {.kind = Mount::Kind::read_only,
       .target = "/home/dev/.nvm/versions",
       .source = "/home/dev/.nvm/versions",
       .purpose = Purpose::home,
       .origin = {Origin::Kind::detected, "PATH", "on PATH: .nvm"}},
      {.kind = Mount::Kind::read_only,
       .target = "/home/dev/.local/share/claude/versions/2.1.5",
       .source = "/home/dev/.local/share/claude/versions/2.1.5",
       .purpose = Purpose::agent,
       .origin = {Origin::Kind::detected, "PATH", "the agent's program"}},
      {.kind = Mount::Kind::writable,
       .target = "/home/dev/src/app",
       .source = "/home/dev/src/app",
       .purpose = Purpose::project,
       .origin = plan.project.origin},
      {.kind = Mount::Kind::writable,
       .target = "/home/dev/src/app/.git",
       .source = "/home/dev/src/app/.git",
       .purpose = Purpose::protection,
       .origin = git},
      {.kind = Mount::Kind::read_only,
       .target = "/home/dev/src/app/.git/config",
       .source = "/home/dev/src/app/.git/config",
       .purpose = Purpose::protection,
       .origin = git},
      {.kind = Mount::Kind::read_only,
       .target = "/home/dev/src/app/.git/hooks",
       .source = "/home/dev/src/app/.git/hooks",
       .purpose = Purpose::protection,
       .origin = git},
      {.kind = Mount::Kind::file,
       .target = "/home/dev/.cargo/bin/.npmrc",
       .mode = 0400,
       .purpose = Purpose::protection,
       .origin = {Origin::Kind::detected, "PATH", "credentials beside programs"}},
      {.kind = Mount::Kind::read_only,
       .target = "/home/dev/.ssh",
       .source = "/home/dev/.ssh",
       .purpose = Purpose::extra,
       .origin = {Origin::Kind::flag, "--mount ~/.ssh", "asked for"}},
      {.kind = Mount::Kind::writable,
       .target = "/data",
       .source = "/srv/big data",
       .purpose = Purpose::extra,
       .origin = {Origin::Kind::flag, "--mount '/srv/big data:/data:rw'", "asked for"}},
      {.kind = Mount::Kind::read_only,
       .target = "/home/dev/src/shared",
       .source = "/home/dev/src/shared",
       .purpose = Purpose::extra,
       .origin = {Origin::Kind::flag, "--mount ~/src/shared", "asked for"}},
  };
  const Origin generated{Origin::Kind::builtin, "generated", "who you are"};
  const Origin listed{Origin::Kind::builtin, "allow-list", "programs need it; not a secret"};
  plan.env = {
      {.name = "HOME", .value = "/home/dev", .kind = EnvVar::Kind::generated, .origin = generated},
      {.name = "PATH",
       .value =
           "/home/dev/.local/box/bin:/home/dev/.nvm/versions/node/v20.11.0/bin:/usr/local/bin:/usr/bin:/bin",
       .kind = EnvVar::Kind::generated,
       .origin = {Origin::Kind::builtin, "generated", "your PATH, as far as the box has it"}},
      {.name = "TERM",
       .value = "xterm-256color",
       .kind = EnvVar::Kind::host,
       .origin = listed,
       .from_host = true},
      {.name = "LS_COLORS",
       .value = "rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:so=01;35:do=01;35:bd=40;33;01:cd=40;33;01:or=40;31;01",
       .kind = EnvVar::Kind::host,
       .origin = listed,
       .from_host = true},
      {.name = "GH_TOKEN",
       .value = "ghp_0123456789abcdefABCDEF0123456789abcd",
       .kind = EnvVar::Kind::extra,
       .origin = {Origin::Kind::flag, "--env GH_TOKEN", "asked for"},
       .from_host = true},
      {.name = "DB_PASSWORD",
       .value = "hunter2-and-more",
       .kind = EnvVar::Kind::extra,
       .origin = {Origin::Kind::flag, "--env DB_PASSWORD=hunter2-and-more", "asked for"}},
      {.name = "MODE",
       .value = "fast and 'loose'",
       .kind = EnvVar::Kind::extra,
       .origin = {Origin::Kind::flag, "--env MODE", "asked for"}},
  };
  plan.state = {{.policy = plan::StateFile::Policy::directory,
                 .path = plan.instance.home + "/.local/box/bin",
                 .origin = {Origin::Kind::builtin, "instance", "where tools are installed in a box"}}};
  plan.stubs = {{plan::Stub::Kind::file, "/home/dev/src/app/.git/commondir", "../.git\n", git}};
  plan.watches = {{"/home/dev/src/app/.git", "config.worktree", plan::Watch::Response::remove_and_end,
                   "git would take its configuration from there"}};
  plan.sweeps = {{"/home/dev/src/app/.envrc", "runs when you enter the directory"},
                 {"/home/dev/src/app/.husky", "runs at every commit"}};
  plan.notes = {
      {Note::Level::info, "submodules share the protection of the repository", git},
      {Note::Level::warning,
       "runs as root: a sandbox of the agent's own can't start inside, and files it makes belong to root",
       {Origin::Kind::detected, "host", "a fact about this host"}}};
  return plan;
}

}  // namespace claudebox::render
