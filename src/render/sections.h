// The parts of the audit, in the order in which they are shown. Internal to this folder.
#pragma once

#include <string>

#include "plan/plan.h"
#include "render/page.h"

namespace claudebox::render {

/// Writes the parts on one page and counts what is dangerous.
class Audit {
 public:
  Audit(const plan::Plan& plan, Page& page) : plan_(plan), page_(page) {}

  void title();
  void network();
  void files();   ///< what is there, and whether the box may write it
  void guards();  ///< what keeps the project's files from acting on the host
  void environment();
  void notes();
  void verdict();

 private:
  void heading(const std::string& name, const Line& aside);
  /// One fact of the title and the network: a label and its text.
  void fact(const std::string& label, const Line& text);
  void danger(const std::string& reason);
  /// Under `--explain`, where a grant comes from and why it is there.
  void because(const base::Origin& origin);

  void mount_row(const plan::Mount& mount, std::size_t aside_column);
  void mount_list(const std::string& mode, const std::string& label,
                  const std::vector<const plan::Mount*>& mounts);
  void system_files();
  void names(const std::string& label, const std::vector<std::string>& names, const std::string& remark);
  void variable(const plan::EnvVar& variable, std::size_t value_column);

  /// A host path as people write it, quoted where spaces would blur where it ends.
  std::string path(const std::string& absolute) const;
  /// The same, relative to the project where it lies in it.
  std::string project_path(const std::string& absolute) const;

  const plan::Plan& plan_;
  Page& page_;
  std::size_t dangers_ = 0;
};

}  // namespace claudebox::render
