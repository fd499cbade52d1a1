// The root of the box, prepared by the child in the outer mount namespace, so that bwrap has one bind to make instead of one
// for each mount: it reads the whole mount table for every bind, which is half of its time with thirty of them and
// grows with the square of their number. It is also where a source is opened: once, and what was opened is what is mounted.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "runtime/login_memory.h"

namespace claudebox::runtime {

/// Where bwrap finds the root: below a directory that nobody but root can rename, since it looks the path up, and that holds
/// nothing which is needed from there on. Nothing of it is seen outside of the child's mount namespace.
inline constexpr const char* kBoxRoot = "/dev/root";

/// One thing in the box's root, in the order of the plan. Plain data; the pointers are the caller's.
struct RootStep {
  enum class Kind {
    read_only,  ///< bind `source`
    writable,
    file_system,  ///< in memory
    directory,
    link,       ///< that says `source`
    file,       ///< with `content`, in the root itself
    data_file,  ///< the same as a read-only mount, where the root itself does not reach
    dev,
    login,
    store,  ///< those of `source` that `names` has
  };
  Kind kind = Kind::directory;
  const char* target = "";  ///< relative to the root
  bool links_in_target =
      false;  ///< symbolic links in it are followed, as in a chroot; else they are an error
  const char* source = nullptr;
  const char* content = nullptr;
  std::size_t length = 0;
  mode_t mode = 0;
  const char* const* names = nullptr;
  std::size_t name_count = 0;
};

struct BoxRootSpec {
  const RootStep* steps = nullptr;
  std::size_t count = 0;
  const char* terminal = nullptr;          ///< see box_dev.h
  const LoginMemorySpec* login = nullptr;  ///< for the step of that kind
};

/// Which part of a step failed; errno says how. `done` where none did.
enum class RootPart : std::uint32_t { done, root, source, target, mount };
struct RootResult {
  RootPart part = RootPart::done;
  std::uint32_t step = 0;
};

/// Prepares it at kBoxRoot. The caller has mount and user namespaces of its own, in which uid 0 is mapped, and all
/// capabilities there. C rules: allocates nothing, throws nothing.
RootResult set_up_box_root(const BoxRootSpec& spec) noexcept;

}  // namespace claudebox::runtime
