#include "runtime/login_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>
#include <optional>

#include "base/error.h"
#include "base/path.h"
#include "plan/credential.h"

namespace claudebox::runtime {
namespace {

/// How old a client's lock may be (measured with 2.1.330: one of 45 seconds is waited for, one of 70 taken over).
constexpr std::time_t kStale = 60;

/// Against writers of other boxes: who has written an older one than there is now writes again.
constexpr int kRounds = 4;

sys::Directory make_directories(const std::string& path) {
  // STATE_ROOT/logins/AGENT/NAME/store
  std::string root = path;
  for (int level = 0; level < 4; ++level) root = base::parent_of(root);
  return sys::make_directories_beneath(sys::open_directory(root), base::relative_to(path, root));
}

}  // namespace

LoginStore::LoginStore(const plan::Login& login) : login_(login), watch_(login.directory, login.file) {
  make_directories(login.directory);
  parent_ = sys::open_directory(base::parent_of(login.backup));
  whole_ = sys::open_directory(base::parent_of(login.directory));
  back_up();
}

void LoginStore::start(sys::EventLoop& loop, std::function<void(const std::string& what)> tell) {
  tell_ = std::move(tell);
  watch_.start(loop, [this] {
    watch_.watching();
    back_up();
  });
}

bool LoginStore::renewing() const {
  const std::string lock = base::relative_to(login_.lock, base::parent_of(login_.directory));
  struct stat st{};
  if (::fstatat(whole_.get(), lock.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return false;
  const std::time_t age = std::time(nullptr) - st.st_mtime;
  return age < kStale && age > -kStale;
}

void LoginStore::back_up() {
  const std::string file = base::path_join(base::base_name(login_.directory), login_.file);
  try {
    for (int round = 0; round < kRounds; ++round) {
      const auto read = sys::read_file_beneath(whole_, file, plan::kMaxCredential);
      const auto* text = std::get_if<std::string>(&read);
      if (!text || *text == saved_) return;
      const auto credential = plan::read_credential(*text);
      if (const auto* good = std::get_if<plan::Credential>(&credential); !good || !good->renewable) return;
      sys::replace_file(parent_, base::base_name(login_.backup), *text, 0600);
      saved_ = *text;
    }
  } catch (const base::Error& error) {
    if (tell_) tell_("no copy of the login could be kept: " + error.message());
  }
}

}  // namespace claudebox::runtime
