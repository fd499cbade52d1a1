// Lexical work on absolute paths. Pure: nothing here looks at a file system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace claudebox::base {

/// Removes ".", "..", doubled and final slashes. "/a/../.." is "/". Expects an absolute path.
std::string normalize(std::string_view absolute);

/// `name` below `directory`; an absolute `name` stands for itself.
std::string path_join(std::string_view directory, std::string_view name);

std::string parent_of(std::string_view path);
std::string base_name(std::string_view path);

/// Whether `path` is `directory` or lies below it. Both normalized.
bool is_within(std::string_view path, std::string_view directory);

/// "/a", "/a/b", "/a/b/c" for "/a/b/c".
std::vector<std::string> ancestors_and_self(std::string_view path);

/// The part of `path` below `directory` without a leading slash; empty where they are equal.
std::string relative_to(std::string_view path, std::string_view directory);

}  // namespace claudebox::base
