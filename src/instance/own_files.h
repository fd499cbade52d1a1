// Small files of the user's in the state directory that are no instance's: profiles, and what was approved of projects.
#pragma once

#include <string>
#include <string_view>

#include "sys/fs.h"

namespace claudebox::instance {

enum class Existing { keep, replace };

/// Writes STATE_ROOT/DIRECTORY/NAME, which is made with its directories where it is missing, for the user alone. A reader
/// meets the old file or the new one. False where there is one and it is to be kept. Throws, also where the directories
/// are not `uid`'s own.
bool store_own_file(const std::string& state_root, uid_t uid, const std::string& directory,
                    const std::string& name, std::string_view content, Existing existing);

/// False where there was none. Throws.
bool remove_own_file(const std::string& state_root, uid_t uid, const std::string& directory,
                     const std::string& name);

}  // namespace claudebox::instance
