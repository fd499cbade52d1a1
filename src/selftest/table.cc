#include "selftest/table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "render/page.h"
#include "selftest/claims.h"

namespace claudebox::selftest {
namespace {

using render::Role;

constexpr int kSchema = 1;
constexpr std::size_t kTextColumn = 10;

std::size_t count(const std::vector<Row>& rows, Result result) {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const Row& row) { return row.outcome == result; }));
}

Role role_of(Result result) {
  switch (result) {
    case Result::held:
      return Role::good;
    case Result::broken:
      return Role::danger;
    case Result::untried:
      return Role::warning;
  }
  return Role::plain;
}

std::string attempts(std::size_t number) {
  return std::to_string(number) + (number == 1 ? " attempt" : " attempts");
}

/// A promise of which nothing was tried is not put forward as one.
void put_promise(render::Page& page, const std::vector<Row>& rows, const std::string& promise) {
  const bool tried = std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
    return row.promise == promise && row.outcome != Result::untried;
  });
  const Role role = tried ? Role::strong : Role::dim;
  page.blank();
  page.put({{promise, role}}, kTextColumn,
           {{std::string(promise_text(promise)) + (tried ? "" : " (not in this box)"), role}});
}

void put_row(render::Page& page, const Row& row) {
  page.put({{"  "}, {result_name(row.outcome), role_of(row.outcome)}}, kTextColumn,
           {{row.attempt}, {": " + row.detail, row.outcome == Result::broken ? Role::danger : Role::dim}});
}

void put_summary(render::Page& page, const std::vector<Row>& rows) {
  const std::size_t broken = count(rows, Result::broken);
  const std::size_t untried = count(rows, Result::untried);
  page.blank();
  if (broken > 0)
    page.put({{attempts(broken) + " got through: this box does not keep what it promises.", Role::danger}});
  page.put({{attempts(count(rows, Result::held)) + " did not get through" +
                 (untried > 0 ? ", " + std::to_string(untried) + " not tried" : "") + ". ",
             broken > 0 ? Role::plain : Role::good},
            {"It says something about what is listed here, and about nothing else."}});
}

}  // namespace

std::string table(const std::vector<Row>& rows, const plan::Plan& plan, const render::Style& style) {
  render::Page page(style, {});
  page.put({{"What the probe tried in this box", Role::strong},
            {std::string(", network ") + plan::tier_name(plan.network.value)}});
  std::string promise;
  for (const auto& row : rows) {
    if (row.promise != promise) {
      promise = row.promise;
      put_promise(page, rows, promise);
    }
    put_row(page, row);
  }
  put_summary(page, rows);
  return page.take();
}

std::string json(const std::vector<Row>& rows, const plan::Plan& plan) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& row : rows)
    list.push_back({{"id", row.id},
                    {"promise", row.promise},
                    {"attempt", row.attempt},
                    {"outcome", result_name(row.outcome)},
                    {"detail", row.detail}});
  const nlohmann::ordered_json document = {{"schema", kSchema},
                                           {"network", plan::tier_name(plan.network.value)},
                                           {"held", count(rows, Result::held)},
                                           {"broken", count(rows, Result::broken)},
                                           {"untried", count(rows, Result::untried)},
                                           {"attempts", list}};
  // A path may be any bytes; JSON must be UTF-8.
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace claudebox::selftest
