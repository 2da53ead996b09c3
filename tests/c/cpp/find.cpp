// Finding skills through the wrapper.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

#include "check.hpp"

using namespace skillsmith;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> fields_of(const std::string &line) {
  std::vector<std::string> fields;
  std::size_t start = 0;
  for (std::size_t end; (end = line.find('\t', start)) != std::string::npos; start = end + 1)
    fields.push_back(line.substr(start, end - start));
  fields.push_back(line.substr(start));
  return fields;
}

// What a field writes in digits; "*3:6162" is "ababab".
std::optional<std::string> text_of(const std::string &field) {
  if (field == "-") return std::nullopt;
  const bool repeated = field[0] == '*';
  const std::size_t colon = repeated ? field.find(':') : 0;
  const std::string digits = repeated ? field.substr(colon + 1) : field;
  std::string one;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    one += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  const int times = repeated ? std::stoi(field.substr(1, colon - 1)) : 1;
  std::string text;
  for (int i = 0; i < times; ++i) text += one;
  return text;
}

SkillFilter filter_of(const std::vector<std::string> &fields) {
  SkillFilter filter;
  filter.category = text_of(fields[4]);
  filter.trust_tier = text_of(fields[5]);
  const double score = std::stod(fields[6]);
  if (score > 0) filter.min_score = score;
  if (score < 0) filter.min_score = 0;
  filter.safe_only = fields[7] == "1";
  filter.source = text_of(fields[8]);
  return filter;
}

template <typename Items, typename Id>
std::string joined(const Items &items, Id id) {
  std::string all;
  for (const auto &item : items) all += (all.empty() ? "" : ",") + id(item);
  return all.empty() ? "-" : all;
}

const auto id_of = [](const Skill &skill) { return skill.id; };

}  // namespace

// What every surface is asked: the test has written it down, and the skills into the database.
TEST(searches) {
  const Database database(place.folder + "/searches.db");
  const SkillRepository skills(database);
  std::ifstream lines(place.folder + "/searches.txt");
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto fields = fields_of(line);
    const auto expect = [&](const std::string &found, const std::string &wanted) {
      if (found != wanted) fail(__FILE__, __LINE__, line.substr(0, 300) + ": " + found + ", not " + wanted);
    };
    if (fields[0] == "get") {
      const auto found = skills.get(text_of(fields[1]).value());
      expect(found ? "1" : "0", fields[2]);
      if (!found) continue;
      expect(joined(found->categories, [](const std::string &name) { return name; }), fields[3]);
      expect(found->source, fields[4]);
      continue;
    }
    const auto limit = static_cast<std::uint32_t>(std::stoul(fields[2]));
    std::string status = "OK";
    try {
      if (fields[0] == "search") {
        SkillSearchOptions options;
        options.filter = filter_of(fields);
        if (limit != 0) options.limit = limit;
        options.offset = static_cast<std::uint32_t>(std::stoul(fields[3]));
        const auto found = skills.search(text_of(fields[1]).value(), options);
        CHECK(found.indexed);
        expect(found.has_more ? "1" : "0", fields[10]);
        expect(joined(found.matches, [](const SkillMatch &match) { return match.skill.id; }), fields[11]);
      } else {
        SkillListOptions options;
        options.filter = filter_of(fields);
        if (limit != 0) options.limit = limit;
        options.after = text_of(fields[1]);
        const auto page = skills.list(options);
        CHECK(page.next == text_of(fields[10]));
        expect(joined(page.skills, id_of), fields[11]);
      }
    } catch (const Error &error) {
      status = error.name();
    }
    expect(status, fields[9]);
  }
  CHECK(count > 130);
}

TEST(answers) {
  const Database database(place.folder + "/searches.db");
  const SkillRepository skills(database);
  const auto found = skills.search("git repositories");
  CHECK_EQ(found.matches.size(), 1U);
  CHECK(found.matches[0].rank > 0 && found.indexed && !found.has_more);
  CHECK_EQ(found.matches[0].snippet.value(), "works with git repositories");
  CHECK_EQ(found.matches[0].skill.author.value(), "ada");
  CHECK(!found.freshness.is_empty && found.freshness.is_stale && !found.freshness.by_words);
  CHECK(!found.freshness.listed_at && !found.freshness.age && !found.freshness.coverage);
  CHECK(!skills.search("").matches[0].snippet);
  const auto named = skills.get("b/named").value();
  CHECK(named.categories == (std::vector<std::string>{"Testing", "Version Control"}));
  CHECK_EQ(named.skill.name, "Git helper");
  CHECK_EQ(named.source, "registry");
  CHECK(!skills.get("no/such"));
  CHECK_EQ(skills.search("nul").matches.at(0).skill.name, std::string("Nul\0byte", 8));
}

TEST(all_skills) {
  const Database database(place.folder + "/searches.db");
  const SkillRepository skills(database);
  const std::string whole = joined(skills.list().skills, id_of);
  for (const std::uint32_t limit : {1U, 2U, 16U, 17U, 18U, 1000U}) {
    SkillListOptions options;
    options.limit = limit;
    CHECK_EQ(joined(skills.all(options), id_of), whole);
  }
  CHECK_EQ(std::distance(skills.all().begin(), skills.all().end()), 17);
  SkillListOptions few;
  few.filter.trust_tier = "community";
  few.limit = 2;
  few.after = "c/better";
  const auto range = skills.all(few);
  CHECK_EQ(joined(range, id_of), "k/emoji,l/nul,m/symbols,n/operators,p/zero");
  auto first = range.begin();
  CHECK_EQ(first->id, "k/emoji");
  CHECK_EQ((*first++).id, "k/emoji");
  CHECK_EQ((*first).id, "l/nul");
  CHECK(first != range.end());
  few.after = "zzz";
  const auto none = skills.all(few);
  CHECK(none.begin() == none.end());
  few.limit = 0;
  const auto wrong = skills.all(few);
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, wrong.begin());
  // An id with a NUL in it is passed like any other.
  struct Nul : Shelf {
    std::string search(const PageRequest &request, RegistryCall &) override {
      if (request.offset > 0) return R"({"data":[]})";
      return R"({"data":[)" + row(1) + "," + row(2) + "," + row(3) + "]}";
    }
  };
  const auto memory = Database::in_memory();
  CHECK(SyncEngine(std::make_shared<Nul>(), memory).sync().success);
  SkillListOptions one;
  one.limit = 1;
  one.after = std::string("skill-1\0", 8);
  CHECK_EQ(joined(SkillRepository(memory).list(one).skills, id_of), "skill-2");
  const auto fresh = SkillRepository(memory).freshness();
  CHECK(!fresh.is_empty && !fresh.is_stale && fresh.listed_at && fresh.age.value() < 10min && fresh.coverage);
}

TEST(a_page_that_cannot_be_read_is_the_end) {
  Database database(place.folder + "/searches.db");
  const SkillRepository skills(database);
  SkillListOptions options;
  options.limit = 1;
  const auto range = skills.all(options);
  auto skill = range.begin();
  CHECK(skill != range.end());
  database.close();
  CHECK_THROWS(SKILLSMITH_DATABASE_CLOSED, ++skill);
  CHECK(skill == range.end());
}

TEST(searches_out_of_range) {
  const Database database(place.folder + "/searches.db");
  SkillRepository skills(database);
  SkillSearchOptions options;
  for (const std::uint32_t limit : {0U, 1001U, std::numeric_limits<std::uint32_t>::max()}) {
    options.limit = limit;
    CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, skills.search("git", options));
  }
  options.limit = 1;
  for (const double score : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    options.filter.min_score = score;
    CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, skills.search("git", options));
  }
  options.filter.min_score = 0;
  CHECK_EQ(skills.search("git", options).matches.size(), 1U);
  options.filter.category = std::string("a\0b", 3);
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, skills.search("git", options));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, skills.search(std::string("a\0b", 3)));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, skills.search(std::string(10000000, 'a')));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, skills.get("\xff"));
  const SkillRepository moved = std::move(skills);
  CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, skills.search("git"));
  CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, skills.list());
  CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, skills.freshness());
}
