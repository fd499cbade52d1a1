#include "render/sensitive.h"

#include <gmock/gmock.h>

#include "render/audit.h"
#include "render/hand_made_plan.h"

namespace claudebox::render {
namespace {

using plan::EnvVar;
using plan::Mount;
using plan::Purpose;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kHome = "/home/dev";

Mount extra(const std::string& source, Mount::Kind kind = Mount::Kind::read_only) {
  return {.kind = kind, .target = "/x", .source = source, .purpose = Purpose::extra};
}

// AUD-2: each of the places that the requirement names.
TEST(SensitivePath, KnowsWhereSecretsLie) {
  for (const char* place : {".ssh",
                            ".ssh/id_ed25519",
                            ".gnupg",
                            ".gnupg/private-keys-v1.d",
                            ".aws",
                            ".aws/credentials",
                            ".config/gcloud",
                            ".config/sops/age/keys.txt",
                            ".config/age",
                            ".kube",
                            ".kube/config",
                            ".docker/config.json",
                            ".npmrc",
                            ".pypirc",
                            ".cargo/credentials.toml",
                            ".netrc",
                            ".git-credentials",
                            ".password-store",
                            ".mozilla/firefox",
                            ".config/google-chrome/Default",
                            ".bash_history",
                            ".zsh_history",
                            ".claude/.credentials.json",
                            ".claudebox"})
    EXPECT_NE(sensitive_path(std::string(kHome) + "/" + place, kHome), "") << place;
  EXPECT_EQ(sensitive_path("/home/dev/.ssh", kHome), "SSH keys: can log in as you elsewhere");
  EXPECT_EQ(sensitive_path("/etc/ssh", kHome), "this host's SSH keys: can pass for this machine");
}

TEST(SensitivePath, KnowsSocketsThatGiveTheHostAway) {
  for (const char* socket :
       {"/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock",
        "/run/user/1000/podman/podman.sock", "/run/user/1000/bus", "/run/dbus/system_bus_socket",
        "/tmp/.X11-unix", "/tmp/.X11-unix/X0", "/run/user/1000/wayland-0", "/tmp/ssh-abc123/agent.4711",
        "/run/user/1000/gnupg/S.gpg-agent", "/run/user/1000/keyring/ssh", "/run/user/1000", "/run/user",
        "/srv/some.sock", "/home/dev/x/S.gpg-agent.ssh"})
    EXPECT_NE(sensitive_path(socket, kHome), "") << socket;
}

TEST(SensitivePath, KnowsNamesThatTell) {
  for (const char* path :
       {"/srv/app/.env", "/data/vault.kdbx", "/srv/tls/server.key", "/mnt/id_rsa", "/x/terraform.tfstate"})
    EXPECT_NE(sensitive_path(path, kHome), "") << path;
}

TEST(SensitivePath, SeesWhatADirectoryWouldHold) {
  EXPECT_THAT(sensitive_path("/home/dev", kHome),
              HasSubstr("your whole home directory: the place of SSH keys, GPG keys"));
  EXPECT_THAT(sensitive_path("/home/dev/.config", kHome), HasSubstr("the place of Google Cloud credentials"));
  EXPECT_THAT(sensitive_path("/home", kHome), HasSubstr("your home directory lies in it"));
  EXPECT_THAT(sensitive_path("/", kHome), HasSubstr("the whole host"));
  EXPECT_THAT(sensitive_path("/etc", kHome), HasSubstr("password hashes"));
  EXPECT_THAT(sensitive_path("/run", kHome), HasSubstr("the place of"));
  EXPECT_THAT(sensitive_path("/home/other", kHome), HasSubstr("another user"));
  EXPECT_THAT(sensitive_path("/root", kHome), HasSubstr("root's home"));
}

TEST(SensitivePath, LeavesOrdinaryPathsAlone) {
  for (const char* path :
       {"/home/dev/src", "/home/dev/src/app", "/home/dev/.sshx", "/home/dev/.cargo/bin", "/srv/data",
        "/home/dev/.nvm/versions", "/opt/tool", "/home/dev/.local/share/pnpm", "/usr/share"})
    EXPECT_EQ(sensitive_path(path, kHome), "") << path;
}

TEST(SensitivePath, TakesHomeFromWhereItIs) {
  EXPECT_EQ(sensitive_path("/root/.ssh", "/root"), "SSH keys: can log in as you elsewhere");
  EXPECT_EQ(sensitive_path("/mnt/people/ann/.aws", "/mnt/people/ann"),
            "AWS credentials: can read and write your AWS account");
  EXPECT_EQ(sensitive_path("/root/src", "/root"), "");
}

TEST(MountDangers, NamesWritableMountsOutsideTheProject) {
  const auto plan = hand_made_plan();
  EXPECT_THAT(mount_dangers(plan, extra("/srv/data", Mount::Kind::writable)),
              ElementsAre("writable outside the project"));
  EXPECT_THAT(mount_dangers(plan, extra("/home/dev/.local/bin", Mount::Kind::writable)),
              ElementsAre(HasSubstr("runs on your host")));
  EXPECT_THAT(mount_dangers(plan, extra("/home/dev/src/app/out", Mount::Kind::writable)), IsEmpty());
  EXPECT_THAT(mount_dangers(plan, extra("/srv/data")), IsEmpty());
  // Both reasons, where both hold.
  EXPECT_EQ(mount_dangers(plan, extra("/home/dev/.ssh", Mount::Kind::writable)).size(), 2U);
}

TEST(MountDangers, LeavesTheBoxsOwnAlone) {
  const auto plan = hand_made_plan();
  for (const auto& mount : plan.mounts) {
    if (mount.purpose == Purpose::extra) continue;
    EXPECT_THAT(mount_dangers(plan, mount), IsEmpty()) << mount.target;
  }
  Mount skills{
      .target = "/home/dev/.claude/skills", .source = "/home/dev/.claude/skills", .purpose = Purpose::agent};
  EXPECT_THAT(mount_dangers(plan, skills), IsEmpty());
}

// What claudebox mounts by itself is judged too: a mistake there must show.
TEST(MountDangers, SeesALoginAmongTheAgentsMounts) {
  const auto plan = hand_made_plan();
  for (const char* path :
       {"/home/dev/.claude", "/home/dev/.claude/.credentials.json", "/home/dev/.claude.json"}) {
    Mount mount{.target = path, .source = path, .purpose = Purpose::agent};
    EXPECT_THAT(mount_dangers(plan, mount), Not(IsEmpty())) << path;
  }
  Mount tool{.target = "/home/dev/.ssh", .source = "/home/dev/.ssh", .purpose = Purpose::home};
  EXPECT_THAT(mount_dangers(plan, tool), ElementsAre("SSH keys: can log in as you elsewhere"));
  Mount project{.target = "/home/dev/.config", .source = "/home/dev/.config", .purpose = Purpose::project};
  EXPECT_THAT(mount_dangers(plan, project), Not(IsEmpty()));
}

TEST(VariableDanger, AHarmlessNameHidesNoSecretOfTheHost) {
  const EnvVar renamed{.name = "MODE",
                       .value = "correct-horse",
                       .kind = EnvVar::Kind::extra,
                       .from_host = true,
                       .host_name = "DB_PASSWORD"};
  EXPECT_EQ(variable_danger(renamed), "a secret by its name: can log in where it is valid");
  plan::Plan plan;
  plan.env = {renamed};
  EXPECT_EQ(secrets_of(plan), std::vector<std::string>{"correct-horse"});
}

TEST(VariableDanger, LooksAtNameAndShape) {
  const auto danger = [](const char* name, const char* value, EnvVar::Kind kind = EnvVar::Kind::extra) {
    return variable_danger({.name = name, .value = value, .kind = kind});
  };
  EXPECT_EQ(danger("GH_TOKEN", "x"), "a GitHub token by its name: can push to your GitHub repositories");
  EXPECT_EQ(danger("HARMLESS", "ghp_0123456789abcdefABCDEF0123456789abcd"),
            "holds a GitHub token: can push to your GitHub repositories");
  EXPECT_EQ(danger("DATABASE_URL", "postgres://app:hunter2@db/x"),
            "holds a password in a URL: can log in where that leads");
  EXPECT_THAT(danger("SSH_AUTH_SOCK", "/tmp/ssh-x/agent.1"), HasSubstr("SSH agent"));
  EXPECT_THAT(danger("DOCKER_HOST", "unix:///run/docker.sock"), HasSubstr("Docker"));
  EXPECT_EQ(danger("EDITOR", "vim"), "");
  // claudebox's own are named by it, and GIT_CONFIG_KEY_0 is no key; a secret in one is one all the same.
  EXPECT_EQ(danger("GIT_CONFIG_KEY_0", "safe.directory", EnvVar::Kind::generated), "");
  EXPECT_NE(danger("X", "sk-ant-api03-abcdefgh", EnvVar::Kind::generated), "");
}

TEST(SecretsOf, HoldsTheLongestFirst) {
  plan::Plan plan;
  plan.env = {{.name = "A_TOKEN", .value = "secret-part", .kind = EnvVar::Kind::extra},
              {.name = "B_TOKEN", .value = "secret-part-and-more", .kind = EnvVar::Kind::extra},
              {.name = "C_TOKEN", .value = "short", .kind = EnvVar::Kind::extra},
              {.name = "PLAIN", .value = "nothing-secret", .kind = EnvVar::Kind::extra}};
  EXPECT_THAT(secrets_of(plan), ElementsAre("secret-part-and-more", "secret-part"));
}

}  // namespace
}  // namespace claudebox::render
