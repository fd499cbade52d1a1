// The parts of the audit, in the order in which they are shown. Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"
#include "render/page.h"

namespace claudebox::render {

/// How much a tier gives away, at a glance.
Role color_of(plan::Tier tier);

/// Writes the parts on one page and counts what is dangerous.
class Audit {
 public:
  Audit(const plan::Plan& plan, Page& page) : plan_(plan), page_(page) {}

  void all();  ///< each of these, in this order
  void title();
  void login();
  void limits();
  void network();
  void files();     ///< what is there, and whether the box may write it
  void packages();  ///< what Nix provides, and whether it is there
  void guards();    ///< what keeps the project's files from acting on the host
  void environment();
  void notes();
  void verdict();

  std::size_t dangers() const { return dangers_; }  ///< marked so far

 private:
  Line profiles() const;  ///< the files that had a say
  void allowed_hosts();
  void ports();  ///< published and reached

  std::size_t text_column() const;
  void heading(const std::string& name, const Line& aside);
  /// A label and its text, without judgement.
  void fact(const std::string& label, const Line& text);
  /// Something that the box gets. With dangers it is marked at the edge, and they stand below it.
  void grant(const Line& label, const Line& text, const std::vector<std::string>& dangers,
             const base::Origin* origin);
  /// Under `--explain`, where a grant comes from and why it is there.
  void because(const base::Origin& origin);

  void mount(const plan::Mount& mount, const std::string& label);
  void mounts(const std::string& label, const std::vector<const plan::Mount*>& list);
  void system_files();
  void names(const std::string& label, const std::vector<std::string>& list);
  void variable(const plan::EnvVar& variable);
  void variables(plan::EnvVar::Kind kind);

  /// A host path as people write it.
  std::string path(const std::string& absolute) const;
  /// The same, relative to the project where it lies in it.
  std::string project_path(const std::string& absolute) const;
  std::string shown(const plan::Mount& mount) const;
  bool one_by_one() const { return page_.style().explain || page_.style().verbose; }

  const plan::Plan& plan_;
  Page& page_;
  std::size_t dangers_ = 0;
};

}  // namespace claudebox::render
