#include <array>

#include "base/hash.h"
#include "base/path.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

/// What programs need from /etc and what tells nothing about this host's secrets. Directories that also hold
/// private keys (/etc/ssl, /etc/pki) are named by their public parts: as uid 0 a box may read every file it
/// sees.
constexpr std::array<std::string_view, 58> kChosen = {"alternatives",
                                                      "bash.bashrc",
                                                      "bashrc",
                                                      "bash_completion",
                                                      "bash_completion.d",
                                                      "ca-certificates",
                                                      "ca-certificates.conf",
                                                      "crypto-policies",
                                                      "debian_version",
                                                      "default/locale",
                                                      "emacs",
                                                      "environment.d",
                                                      "fonts",
                                                      "gai.conf",
                                                      "gnutls",
                                                      "host.conf",
                                                      "inputrc",
                                                      "java",
                                                      "java-11-openjdk",
                                                      "java-17-openjdk",
                                                      "java-21-openjdk",
                                                      "ld.so.cache",
                                                      "ld.so.conf",
                                                      "ld.so.conf.d",
                                                      "lesskey",
                                                      "locale.alias",
                                                      "locale.conf",
                                                      "localtime",
                                                      "login.defs",
                                                      "lsb-release",
                                                      "magic",
                                                      "magic.mime",
                                                      "manpath.config",
                                                      "man_db.conf",
                                                      "maven",
                                                      "mime.types",
                                                      "nanorc",
                                                      "networks",
                                                      "nsswitch.conf",
                                                      "os-release",
                                                      "pki/ca-trust",
                                                      "pki/java",
                                                      "pki/tls/cert.pem",
                                                      "pki/tls/certs",
                                                      "pki/tls/openssl.cnf",
                                                      "perl",
                                                      "profile",
                                                      "profile.d",
                                                      "protocols",
                                                      "rpc",
                                                      "services",
                                                      "shells",
                                                      "ssl/cert.pem",
                                                      "ssl/certs",
                                                      "ssl/openssl.cnf",
                                                      "static",
                                                      "terminfo",
                                                      "timezone"};
constexpr std::array<std::string_view, 9> kChosenMore = {
    "vim", "vimrc", "xattr.conf", "zsh", "zshenv", "zshrc", "zprofile", "wgetrc", "debuginfod"};

/// A file or directory of /etc at its own path. A link that leaves /etc is followed now: what it points to
/// (/run/systemd/resolve, /etc/static) may not be in the box.
void add_chosen(const sys::HostView& host, Plan& plan, const std::string& path) {
  const auto info = host.lstat(path);
  if (!info.exists() || !host.readable(path)) return;
  const auto real = host.real_path(path);
  if (!real) return;
  plan.mounts.push_back({.kind = Mount::Kind::read_only,
                         .target = path,
                         .source = *real,
                         .origin = {base::Origin::Kind::builtin, "/etc", "chosen system configuration"}});
}

void add_file(Plan& plan, const std::string& path, std::string content, const std::string& reason) {
  plan.mounts.push_back({.kind = Mount::Kind::file,
                         .target = path,
                         .content = std::move(content),
                         .mode = 0444,
                         .origin = {base::Origin::Kind::builtin, "generated", reason}});
}

/// The box knows this user, root and nobody: no other account of the host.
void add_accounts(const sys::HostView& host, Plan& plan) {
  const auto& me = host.identity();
  const std::string shell = me.shell.empty() ? "/bin/sh" : me.shell;
  const auto entry = [&](const std::string& name, uid_t uid, gid_t gid, const std::string& home,
                         const std::string& program) {
    return name + ":x:" + std::to_string(uid) + ":" + std::to_string(gid) + "::" + home + ":" + program +
           "\n";
  };
  std::string passwd;
  std::string group;
  if (me.uid != 0) passwd += entry("root", 0, 0, "/nonexistent", "/usr/sbin/nologin");
  passwd += entry(me.user, me.uid, me.gid, me.home, shell);
  passwd += entry("nobody", 65534, 65534, "/nonexistent", "/usr/sbin/nologin");
  if (me.gid != 0) group += "root:x:0:\n";
  group += me.group + ":x:" + std::to_string(me.gid) + ":\n";
  if (me.gid != 65534 && me.group != "nogroup") group += "nogroup:x:65534:\n";
  add_file(plan, "/etc/passwd", passwd, "cut to this user");
  add_file(plan, "/etc/group", group, "cut to this user");
}

void add_network_files(const sys::HostView& host, Plan& plan) {
  const std::string own =
      "127.0.0.1\tlocalhost " + plan.host_name + "\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  std::string hosts = own;
  if (plan.network.value == Tier::full)
    if (const auto content = host.read_file("/etc/hosts")) hosts = *content + "\n" + own;
  add_file(plan, "/etc/hosts", hosts, "names of the box itself, and in the tier full the host's");
  add_file(plan, "/etc/hostname", plan.host_name + "\n", "the box's own name");
  if (plan.network.value == Tier::full) {
    add_chosen(host, plan, "/etc/resolv.conf");
  } else {
    add_file(plan, "/etc/resolv.conf", "# no network in this box\n", "there is no resolver to ask");
  }
}

}  // namespace

void plan_etc(const sys::HostView& host, Plan& plan) {
  for (const auto name : kChosen) add_chosen(host, plan, "/etc/" + std::string(name));
  for (const auto name : kChosenMore) add_chosen(host, plan, "/etc/" + std::string(name));
  add_accounts(host, plan);
  add_network_files(host, plan);
  // Stable for an instance, so that programs find their state again, and not the host's: that one is a
  // fingerprint.
  add_file(plan, "/etc/machine-id", base::sha256_hex("machine-id:" + plan.instance.id).substr(0, 32) + "\n",
           "made from the instance, not the host's");
  plan.mounts.push_back({.kind = Mount::Kind::symlink,
                         .target = "/etc/mtab",
                         .source = "/proc/self/mounts",
                         .origin = {base::Origin::Kind::builtin, "generated", "for df and mount"}});
}

}  // namespace claudebox::plan
