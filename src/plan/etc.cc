#include <array>
#include <iterator>

#include "base/hash.h"
#include "base/path.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

/// What programs need from /etc and what tells nothing about this host's secrets. Directories that also hold
/// private keys (/etc/ssl, /etc/pki) are named by their public parts: as uid 0 a box may read every file it
/// sees.
constexpr auto kChosen = std::to_array<std::string_view>({
    "alternatives",
    "bash.bashrc",
    "bashrc",
    "crypto-policies",
    "debian_version",
    "default/locale",
    "fonts",
    "gai.conf",
    "gnutls",
    "host.conf",
    "inputrc",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "java-25-openjdk",
    "ld.so.cache",
    "lesskey",
    "locale.alias",
    "locale.conf",
    "localtime",
    "login.defs",
    "lsb-release",
    "magic",
    "magic.mime",
    "man_db.conf",
    "manpath.config",
    "maven",
    "mime.types",
    "nanorc",
    "networks",
    "nsswitch.conf",
    "os-release",
    "perl",
    "pki/ca-trust",
    "pki/java",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
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
    "timezone",
    "vim",
    "vimrc",
    "wgetrc",
    "xattr.conf",
    "zsh",
    "zprofile",
    "zshenv",
    "zshrc",
});

/// A copy costs nothing, a bind some 0.1 ms (bwrap reads the mount table again for each), so small files are
/// copied.
constexpr std::size_t kLargestCopy = 256U << 10;
constexpr std::size_t kMostCopies = 24;

const base::Origin kChosenOrigin{base::Origin::Kind::builtin, "/etc", "chosen system configuration"};

std::optional<Mount> copy_of(const sys::HostView& host, const std::string& target,
                             const std::string& source) {
  auto content = host.read_file(source, kLargestCopy);
  if (!content) return std::nullopt;
  return Mount{.kind = Mount::Kind::file,
               .target = target,
               .source = source,
               .content = std::move(*content),
               .mode = 0444,
               .origin = kChosenOrigin};
}

/// The files of a small directory without subdirectories, or nothing where it is not one.
std::vector<Mount> copies_of(const sys::HostView& host, const std::string& target,
                             const std::string& directory) {
  std::vector<Mount> copies;
  const auto names = host.list_directory(directory, kMostCopies + 1);
  if (names.size() > kMostCopies) return {};
  for (const auto& name : names) {
    const auto source = host.real_path(base::path_join(directory, name));
    auto copy = source ? copy_of(host, base::path_join(target, name), *source) : std::nullopt;
    if (!copy) return {};
    copies.push_back(std::move(*copy));
  }
  return copies;
}

/// A file or directory of /etc at its own path. A link that leaves /etc is followed now: what it points to
/// (/run/systemd/resolve, /etc/static) may not be in the box.
void add_chosen(const sys::HostView& host, Plan& plan, const std::string& path) {
  const auto real = host.real_path(path);
  if (!real || !host.readable(*real)) return;
  if (auto copy = copy_of(host, path, *real)) {
    plan.mounts.push_back(std::move(*copy));
  } else if (auto copies = copies_of(host, path, *real); !copies.empty()) {
    std::move(copies.begin(), copies.end(), std::back_inserter(plan.mounts));
  } else {
    plan.mounts.push_back(
        {.kind = Mount::Kind::read_only, .target = path, .source = *real, .origin = kChosenOrigin});
  }
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
    add_file(plan, "/etc/resolv.conf", resolver_file(host, plan),
             plan.has_gateway() ? "the gateway asks the host's name servers" : "there is no resolver to ask");
  }
}

}  // namespace

void plan_etc(const sys::HostView& host, Plan& plan) {
  for (const auto name : kChosen) add_chosen(host, plan, "/etc/" + std::string(name));
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
