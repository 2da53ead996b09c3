/* Finding skills: what every surface is asked, each member of the answers, and databases of every kind. */
#include "check.h"

#include <dirent.h>
#include <sqlite3.h>

static void outside(const char *path, const char *sql) {
  sqlite3 *connection = NULL;
  char *message = NULL;
  CHECK_EQ(sqlite3_open(path, &connection), SQLITE_OK);
  if (sqlite3_exec(connection, sql, NULL, NULL, &message) != SQLITE_OK) FAIL("%s: %s", sql, message);
  CHECK_EQ(sqlite3_close(connection), SQLITE_OK);
}

/* Of the folder tests, beside this one. */
static const char *of_tests(const char *name) {
  static char path[4096];
  const char *end = strrchr(__FILE__, '/');
  CHECK(end != NULL);
  snprintf(path, sizeof path, "%.*s/../%s", (int)(end - __FILE__), __FILE__, name);
  return path;
}

static char *content(const char *path) {
  FILE *file = fopen(path, "rb");
  char *text = NULL;
  long length;
  if (file == NULL) FAIL("%s: %s", path, strerror(errno));
  CHECK_EQ(fseek(file, 0, SEEK_END), 0);
  length = ftell(file);
  CHECK(length > 0);
  rewind(file);
  text = (char *)calloc(1, (size_t)length + 1);
  CHECK(text != NULL && fread(text, 1, (size_t)length, file) == (size_t)length);
  CHECK_EQ(fclose(file), 0);
  return text;
}

static skillsmith_skill_repository *skills_of(const skillsmith_database *database) {
  skillsmith_skill_repository *skills = RUBBISH(skillsmith_skill_repository);
  OK(skillsmith_skill_repository_new(database, &skills, &error));
  return skills;
}

/* A new database with the skills of the table. */
static skillsmith_database *filled(const char *path) {
  skillsmith_database *database = open_at(path);
  char *sql = content(of_tests("searches/skills.sql"));
  outside(path, sql);
  free(sql);
  return database;
}

static skillsmith_skill_search_results *find(const skillsmith_skill_repository *skills, const char *text,
                                             const skillsmith_skill_search_options *options) {
  skillsmith_skill_search_results *found = RUBBISH(skillsmith_skill_search_results);
  OK(skillsmith_skill_repository_search(skills, text, options, &found, &error));
  CHECK((found->matches == NULL) == (found->count == 0));
  return found;
}

static skillsmith_skill_page *page_of(const skillsmith_skill_repository *skills, const skillsmith_skill_list_options *options) {
  skillsmith_skill_page *page = RUBBISH(skillsmith_skill_page);
  OK(skillsmith_skill_repository_list(skills, options, &page, &error));
  CHECK((page->skills == NULL) == (page->count == 0));
  return page;
}

#define DONE_RESULTS(found) CODE(SKILLSMITH_OK, skillsmith_skill_search_results_free(found))
#define DONE_PAGE(page) CODE(SKILLSMITH_OK, skillsmith_skill_page_free(page))

/* ---- the table of all surfaces ------------------------------------------------------- */

enum { FIELDS = 12 };

/* The text that a field writes in digits, to be freed; NULL for none. "*3:6162" is "ababab". */
static char *text_of(const char *field) {
  size_t times = 1, length, index, round;
  char *text;
  if (strcmp(field, "-") == 0) return NULL;
  if (*field == '*') {
    char *end;
    times = strtoul(field + 1, &end, 10);
    CHECK(*end == ':');
    field = end + 1;
  }
  length = strlen(field) / 2;
  text = (char *)malloc(times * length + 1);
  CHECK(text != NULL);
  for (index = 0; index < length; index++) {
    unsigned byte = 0;
    CHECK_EQ(sscanf(field + 2 * index, "%2x", &byte), 1);
    text[index] = (char)byte;
  }
  for (round = 1; round < times; round++) memcpy(text + round * length, text, length);
  text[times * length] = 0;
  return text;
}

static void append(char *joined, const char *text) {
  if (strcmp(joined, "-") == 0) *joined = 0;
  else strcat(joined, ",");
  strcat(joined, text);
  CHECK(strlen(joined) < 4000);
}

static void same(const char *what, const char *line, const char *found, const char *wanted) {
  if (strcmp(found, wanted) != 0) FAIL("%s of %.300s: \"%s\", not \"%s\"", what, line, found, wanted);
}

static void one_line(const skillsmith_skill_repository *skills, char *line) {
  char *fields[FIELDS], *copy = (char *)malloc(strlen(line) + 1), *at = copy, joined[4096] = "-";
  int count = 0;
  strcpy(copy, line);
  while (at != NULL && count < FIELDS) {
    char *end = strchr(at, '\t');
    if (end != NULL) *end++ = 0;
    fields[count++] = at;
    at = end;
  }
  if (strcmp(fields[0], "get") == 0) {
    skillsmith_skill_details *details = RUBBISH(skillsmith_skill_details);
    char *id = text_of(fields[1]);
    size_t index;
    CHECK_EQ(count, 5);
    OK(skillsmith_skill_repository_get(skills, id, &details, &error));
    CHECK_EQ(details != NULL, atoi(fields[2]));
    if (details != NULL) {
      CHECK_IS(details->skill->id, id);
      for (index = 0; index < details->category_count; index++) append(joined, details->categories[index].data);
      same("categories", line, joined, fields[3]);
      CHECK_IS(details->source, fields[4]);
    }
    CODE(SKILLSMITH_OK, skillsmith_skill_details_free(details));
    free(id);
  } else {
    char *text = text_of(fields[1]), *category = text_of(fields[4]), *tier = text_of(fields[5]), *source = text_of(fields[8]);
    OPTIONS(skillsmith_skill_filter, filter);
    skillsmith_error *error = check_rubbish();
    skillsmith_status status;
    size_t index;
    CHECK_EQ(count, FIELDS);
    filter.category = category;
    filter.trust_tier = tier;
    filter.min_score = strtod(fields[6], NULL);
    filter.safe_only = atoi(fields[7]);
    filter.source = source;
    if (strcmp(fields[0], "search") == 0) {
      OPTIONS(skillsmith_skill_search_options, options);
      skillsmith_skill_search_results *found = RUBBISH(skillsmith_skill_search_results);
      options.filter = &filter;
      options.limit = (uint32_t)strtoul(fields[2], NULL, 10);
      options.offset = strtoul(fields[3], NULL, 10);
      status = skillsmith_skill_repository_search(skills, text, &options, &found, &error);
      CHECK((status == SKILLSMITH_OK) == (found != NULL));
      for (index = 0; found != NULL && index < found->count; index++) append(joined, found->matches[index]->skill->id.data);
      if (found != NULL) CHECK(found->indexed);
      if (found != NULL) same("more", line, found->has_more ? "1" : "0", fields[10]);
      DONE_RESULTS(found);
    } else {
      OPTIONS(skillsmith_skill_list_options, options);
      skillsmith_skill_page *page = RUBBISH(skillsmith_skill_page);
      options.filter = &filter;
      options.limit = (uint32_t)strtoul(fields[2], NULL, 10);
      options.after = text;
      status = skillsmith_skill_repository_list(skills, &options, &page, &error);
      CHECK((status == SKILLSMITH_OK) == (page != NULL));
      for (index = 0; page != NULL && index < page->count; index++) append(joined, page->skills[index]->id.data);
      if (page != NULL) {
        char *next = text_of(fields[10]);
        if (next == NULL) CHECK_NONE(page->next);
        else CHECK_IS(page->next, next);
        free(next);
      }
      DONE_PAGE(page);
    }
    same("status", line, skillsmith_status_name(status), fields[9]);
    same("ids", line, joined, fields[11]);
    CODE(SKILLSMITH_OK, skillsmith_error_free(error));
    free(text);
    free(category);
    free(tier);
    free(source);
  }
  free(copy);
}

static void the_table(void) {
  const char *name = getenv("CHECK_SEARCHES");
  skillsmith_database *database = filled(place("skills.db"));
  skillsmith_skill_repository *skills = skills_of(database);
  char *lines, *line;
  int count = 0;
  if (name == NULL) FAIL("CHECK_SEARCHES is not set");
  lines = content(name);
  for (line = lines; *line != 0; count++) {
    char *end = strchr(line, '\n');
    CHECK(end != NULL);
    *end = 0;
    one_line(skills, line);
    line = end + 1;
  }
  CHECK(count > 130);
  free(lines);
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* ---- answers ------------------------------------------------------------------------- */

static void an_answer(void) {
  skillsmith_database *database = filled(place("skills.db"));
  skillsmith_skill_repository *skills = skills_of(database);
  skillsmith_skill_search_results *found = find(skills, "git repositories", NULL);
  skillsmith_skill_details *details = RUBBISH(skillsmith_skill_details);
  OPTIONS(skillsmith_skill_list_options, options);
  skillsmith_skill_page *page;
  CHECK_EQ(found->count, 1);
  CHECK(found->indexed && !found->has_more);
  CHECK(found->matches[0]->rank > 0);
  CHECK_IS(found->matches[0]->snippet, "works with git repositories");
  CHECK_IS(found->matches[0]->skill->id, "a/described");
  CHECK_IS(found->matches[0]->skill->author, "ada");
  CHECK_EQ(found->matches[0]->skill->tag_count, 2);
  CHECK_IS(found->matches[0]->skill->tags[1], "daily");
  CHECK(!found->freshness->is_empty && found->freshness->is_stale);
  /* What belongs to the answer is not freed by itself, nor as another record. */
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_freshness_free((skillsmith_freshness *)found->freshness));
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_skill_free((skillsmith_skill *)found->matches[0]->skill));
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_skill_page_free((skillsmith_skill_page *)(void *)found));
  DONE_RESULTS(found);
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_skill_search_results_free(found));

  /* No word: the best quality first, without ranks and snippets. */
  found = find(skills, "", NULL);
  CHECK_EQ(found->count, 17);
  CHECK_IS(found->matches[0]->skill->id, "\xCE\xA9/last");
  CHECK(found->matches[0]->rank >= 0 && found->matches[0]->rank <= 0);
  CHECK_NONE(found->matches[0]->snippet);
  DONE_RESULTS(found);

  found = find(skills, "nul", NULL);
  CHECK_EQ(found->count, 1);
  CHECK_RECORD_TEXT(found->matches[0]->skill->name, "Nul\0byte", 8);
  DONE_RESULTS(found);

  found = find(skills, "zyzzyva", NULL);
  CHECK(found->count == 0 && found->indexed && !found->has_more);
  DONE_RESULTS(found);

  OK(skillsmith_skill_repository_get(skills, "b/named", &details, &error));
  CHECK_EQ(details->category_count, 2);
  CHECK_IS(details->categories[0], "Testing");
  CHECK_IS(details->categories[1], "Version Control");
  CHECK_IS(details->source, "registry");
  CHECK_IS(details->skill->name, "Git helper");
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_skill_free((skillsmith_skill *)details->skill));
  CODE(SKILLSMITH_OK, skillsmith_skill_details_free(details));
  OK(skillsmith_skill_repository_get(skills, "o/bare", &details, &error));
  CHECK(details->categories == NULL && details->category_count == 0);
  CODE(SKILLSMITH_OK, skillsmith_skill_details_free(details));
  OK(skillsmith_skill_repository_get(skills, "no/such", &details, &error));
  CHECK(details == NULL);

  options.limit = 17;
  page = page_of(skills, &options);
  CHECK_EQ(page->count, 17);
  CHECK_NONE(page->next);
  CHECK(!page->freshness->is_empty);
  DONE_PAGE(page);
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_skill_page_free(page));
  page = page_of(skills, NULL);
  CHECK_EQ(page->count, 17);
  DONE_PAGE(page);
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* An id with a NUL in it: pages of one skill get past it. */
static void an_id_with_a_nul(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_at(path);
  skillsmith_skill_repository *skills = skills_of(database);
  OPTIONS(skillsmith_skill_list_options, options);
  skillsmith_skill_page *page;
  outside(path, "INSERT INTO skills (id, name) VALUES ('a', 'A'), ('b' || char(0) || 'c', 'B'), ('b' || char(0) || 'd', 'C'), ('c', 'D')");
  options.limit = 1;
  options.after = "b\0c";
  options.after_length = 3;
  page = page_of(skills, &options);
  CHECK_EQ(page->count, 1);
  CHECK_RECORD_TEXT(page->skills[0]->id, "b\0d", 3);
  options.after = page->next.data;
  options.after_length = page->next.length;
  DONE_PAGE(page_of(skills, &options));
  DONE_PAGE(page);
  /* Without a length it ends at the NUL. */
  options.after = "b\0c";
  options.after_length = 0;
  page = page_of(skills, &options);
  CHECK_RECORD_TEXT(page->skills[0]->id, "b\0c", 3);
  DONE_PAGE(page);
  options.after_length = SIZE_MAX;
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "'after'", skillsmith_skill_repository_list(skills, &options, &page, &error));
  options.after = "caf\xE9!";
  options.after_length = 4;
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "(at byte 3)", skillsmith_skill_repository_list(skills, &options, &page, &error));
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* ---- what is out of range ------------------------------------------------------------ */

static void out_of_range(void) {
  static const uint32_t limits[] = {1001, INT32_MAX, UINT32_MAX, (uint32_t)-5};
  static const uint64_t offsets[] = {(uint64_t)UINT32_MAX + 1, INT64_MAX, UINT64_MAX};
  static const double scores[] = {1.000001, 1e300};
  skillsmith_database *database = filled(place("skills.db"));
  skillsmith_skill_repository *skills = skills_of(database);
  skillsmith_skill_search_results *found = RUBBISH(skillsmith_skill_search_results);
  skillsmith_skill_page *page = RUBBISH(skillsmith_skill_page);
  skillsmith_skill_details *details = RUBBISH(skillsmith_skill_details);
  skillsmith_freshness *freshness = RUBBISH(skillsmith_freshness);
  OPTIONS(skillsmith_skill_search_options, search_options);
  OPTIONS(skillsmith_skill_list_options, list_options);
  OPTIONS(skillsmith_skill_filter, filter);
  char *long_text = (char *)malloc(10000001);
  size_t index;
#define BOTH(part)                                                                                            \
  FAILS(SKILLSMITH_INVALID_ARGUMENT, part,                                                                    \
        skillsmith_skill_repository_search(skills, "git", &search_options, &found, &error));                  \
  CHECK(found == NULL);                                                                                       \
  FAILS(SKILLSMITH_INVALID_ARGUMENT, part, skillsmith_skill_repository_list(skills, &list_options, &page, &error)); \
  CHECK(page == NULL)
  for (index = 0; index < sizeof limits / sizeof limits[0]; index++) {
    search_options.limit = list_options.limit = limits[index];
    BOTH("Use a whole number from 1 to 1000");
  }
  search_options.limit = list_options.limit = 0;
  search_options.filter = list_options.filter = &filter;
  for (index = 0; index < sizeof scores / sizeof scores[0]; index++) {
    filter.min_score = scores[index];
    BOTH("Use a number from 0 to 1");
  }
  filter.min_score = strtod("nan", NULL);
  BOTH("Use a finite number");
  filter.min_score = -strtod("inf", NULL);
  BOTH("Use a finite number");
  filter.min_score = -2;
  DONE_RESULTS(find(skills, "git", &search_options));
  filter.min_score = 0;
  for (index = 0; index < sizeof offsets / sizeof offsets[0]; index++) {
    search_options.offset = offsets[index];
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "Use a number from 0 to 4294967295",
          skillsmith_skill_repository_search(skills, "git", &search_options, &found, &error));
  }
  search_options.offset = UINT32_MAX;
  found = find(skills, "git", &search_options);
  CHECK(found->count == 0 && !found->has_more);
  DONE_RESULTS(found);
  /* A filter within the options has a size of its own. */
  search_options.offset = 0;
  filter.struct_size = 0;
  BOTH("struct_size of 'filter'");
  filter.struct_size = offsetof(skillsmith_skill_filter, category) + 1;
  BOTH("within its member category");
  filter.struct_size = sizeof(size_t);
  filter.category = "none such";
  found = find(skills, "git", &search_options);
  CHECK_EQ(found->count, 5);
  DONE_RESULTS(found);

  CHECK(long_text != NULL);
  memset(long_text, 'a', 10000000);
  long_text[10000000] = 0;
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "longer than 1000 characters",
        skillsmith_skill_repository_search(skills, long_text, NULL, &found, &error));
  OK(skillsmith_skill_repository_get(skills, long_text, &details, &error));
  CHECK(details == NULL);
  list_options.filter = NULL;
  list_options.after = long_text;
  DONE_PAGE(page_of(skills, &list_options));
  free(long_text);

  CODE(SKILLSMITH_OK, skillsmith_database_close(database, NULL));
  FAILS(SKILLSMITH_DATABASE_CLOSED, "closed", skillsmith_skill_repository_search(skills, "git", NULL, &found, &error));
  FAILS(SKILLSMITH_DATABASE_CLOSED, "closed", skillsmith_skill_repository_list(skills, NULL, &page, &error));
  FAILS(SKILLSMITH_DATABASE_CLOSED, "closed", skillsmith_skill_repository_get(skills, "a", &details, &error));
  FAILS(SKILLSMITH_DATABASE_CLOSED, "closed", skillsmith_skill_repository_freshness(skills, &freshness, &error));
  CHECK(found == NULL && page == NULL && details == NULL && freshness == NULL);
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* ---- how complete and how old -------------------------------------------------------- */

static void the_freshness(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_at(path);
  skillsmith_skill_repository *skills = skills_of(database);
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_freshness *freshness = RUBBISH(skillsmith_freshness);
  skillsmith_skill_search_results *found = find(skills, "git", NULL);
  CHECK(found->count == 0 && found->freshness->is_empty && found->freshness->is_stale);
  CHECK_NONE(found->freshness->listed_at);
  CHECK_EQ(found->freshness->age_ms, -1);
  CHECK(!found->freshness->has_coverage && !found->freshness->by_words);
  CHECK_EQ(found->freshness->coverage, SKILLSMITH_COVERAGE_BEST_EFFORT);
  DONE_RESULTS(found);
  RUN(SKILLSMITH_OK, "", engine, NULL);
#define FRESH() OK(skillsmith_skill_repository_freshness(skills, &freshness, &error))
#define DONE_FRESH() CODE(SKILLSMITH_OK, skillsmith_freshness_free(freshness))
  FRESH();
  CHECK(!freshness->is_empty && !freshness->is_stale && !freshness->by_words);
  CHECK_EQ(freshness->listed_at.length, 24);
  CHECK(freshness->age_ms >= 0 && freshness->age_ms < 600000);
  CHECK(freshness->has_coverage);
  CHECK_EQ(freshness->coverage, SKILLSMITH_COVERAGE_COMPLETE);
  DONE_FRESH();
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_freshness_free(freshness));
  outside(path, "UPDATE sync_state SET value = '\"2020-01-01T00:00:00.000Z\"' WHERE key = 'listed';"
                "UPDATE sync_state SET value = '{\"is_complete\": false, \"by_words\": true}' WHERE key = 'coverage'");
  FRESH();
  CHECK_IS(freshness->listed_at, "2020-01-01T00:00:00.000Z");
  CHECK(freshness->is_stale && freshness->by_words && freshness->age_ms > INT64_C(86400000));
  CHECK_EQ(freshness->coverage, SKILLSMITH_COVERAGE_BEST_EFFORT);
  DONE_FRESH();
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* ---- databases of every kind --------------------------------------------------------- */

static void without_an_index(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = filled(path);
  skillsmith_skill_repository *skills = skills_of(database);
  skillsmith_skill_search_results *found;
  outside(path, "UPDATE skills_fts_data SET block = x'00ff' WHERE id > 10");
  found = find(skills, "repositories", NULL);
  CHECK(found->count == 1 && !found->indexed);
  CHECK_NONE(found->matches[0]->snippet);
  DONE_RESULTS(found);
  outside(path, "DROP TRIGGER skills_ai; DROP TRIGGER skills_ad; DROP TRIGGER skills_au; DROP TABLE skills_fts");
  found = find(skills, "repositories", NULL);
  CHECK(found->count == 1 && !found->indexed);
  DONE_RESULTS(found);
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* All skills of a database, page by page; each of them by its id, and by its name. */
static int read_all(const char *name, const skillsmith_skill_repository *skills) {
  OPTIONS(skillsmith_skill_list_options, list_options);
  OPTIONS(skillsmith_skill_search_options, search_options);
  skillsmith_skill_page *page, *next;
  size_t index, match;
  int count = 0;
  list_options.limit = 2;
  search_options.limit = 1000;
  for (page = page_of(skills, &list_options);; page = next) {
    for (index = 0; index < page->count; index++, count++) {
      const skillsmith_skill *skill = page->skills[index];
      skillsmith_skill_details *details = RUBBISH(skillsmith_skill_details);
      skillsmith_skill_search_results *found = find(skills, skill->name.data, &search_options);
      OK(skillsmith_skill_repository_get(skills, skill->id.data, &details, &error));
      if (details == NULL) FAIL("%s has no %s", name, skill->id.data);
      CHECK_RECORD_TEXT(details->skill->name, skill->name.data, skill->name.length);
      CODE(SKILLSMITH_OK, skillsmith_skill_details_free(details));
      for (match = 0; match < found->count; match++)
        if (strcmp(found->matches[match]->skill->id.data, skill->id.data) == 0) break;
      /* The index of some files is not in step with their table, as another program left it. */
      if (match == found->count && strstr(name, "fts") == NULL && strstr(name, "upset") == NULL)
        FAIL("%s does not find %s by its name", name, skill->id.data);
      DONE_RESULTS(found);
    }
    if (page->next.data == NULL) break;
    list_options.after = page->next.data;
    list_options.after_length = page->next.length;
    next = page_of(skills, &list_options);
    DONE_PAGE(page);
  }
  DONE_PAGE(page);
  return count;
}

static void every_version(void) {
  DIR *folder = opendir(of_tests("fixtures"));
  struct dirent *entry;
  int count = 0;
  CHECK(folder != NULL);
  while ((entry = readdir(folder)) != NULL) {
    char name[512];
    const char *end = strrchr(entry->d_name, '.'), *path = place(entry->d_name);
    OPTIONS(skillsmith_open_options, options);
    skillsmith_database *database = RUBBISH(skillsmith_database);
    skillsmith_skill_repository *skills;
    int64_t all = -1;
    char *sql;
    if (end == NULL || strcmp(end, ".sql") != 0) continue;
    snprintf(name, sizeof name, "fixtures/%s", entry->d_name);
    sql = content(of_tests(name));
    outside(path, sql);
    free(sql);
    options.read_only = 1;
    OK(skillsmith_database_open(path, &options, &database, &error));
    skills = skills_of(database);
    OK(skillsmith_skill_repository_count(skills, &all, &error));
    CHECK_EQ(read_all(entry->d_name, skills), all);
    CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
    count++;
  }
  CHECK(count > 15);
  CHECK_EQ(closedir(folder), 0);
}

/* ---- other processes ----------------------------------------------------------------- */

static void ended_well(pid_t child) {
  int status = -1;
  CHECK_EQ(waitpid(child, &status, 0), child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) FAIL("the child ended with status %d", status);
}

/* A file and a folder that this process may not write. */
static void of_others(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = filled(path);
  pid_t child;
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  outside(path, "PRAGMA journal_mode = DELETE");
  CHECK_EQ(chmod(path, 0444), 0);
  CHECK_EQ(chmod(place(""), 0555), 0);
  child = fork();
  if (child == 0) {
    OPTIONS(skillsmith_open_options, options);
    skillsmith_skill_repository *skills;
    if (geteuid() == 0) CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    options.read_only = 1;
    OK(skillsmith_database_open(path, &options, &database, &error));
    skills = skills_of(database);
    CHECK_EQ(read_all("of others", skills), 17);
    CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
    _exit(0);
  }
  ended_well(child);
  CHECK_EQ(chmod(place(""), 0755), 0);
}

/* Each call of a reader that never waits. */
static void read_once(const skillsmith_skill_repository *skills) {
  skillsmith_skill_details *details = RUBBISH(skillsmith_skill_details);
  skillsmith_freshness *freshness = RUBBISH(skillsmith_freshness);
  skillsmith_skill_page *page = page_of(skills, NULL);
  DONE_RESULTS(find(skills, "test", NULL));
  if (page->count > 0) {
    OK(skillsmith_skill_repository_get(skills, page->skills[0]->id.data, &details, &error));
    CHECK(details != NULL);
    CODE(SKILLSMITH_OK, skillsmith_skill_details_free(details));
  }
  FRESH();
  DONE_FRESH();
  DONE_PAGE(page);
}

/* A busy budget below 0 makes an error of every wait. */
static skillsmith_database *open_without_patience(const char *path) {
  OPTIONS(skillsmith_open_options, options);
  skillsmith_database *database = RUBBISH(skillsmith_database);
  options.busy_budget_ms = -1;
  OK(skillsmith_database_open(path, &options, &database, &error));
  return database;
}

static void beside_a_sync(void) {
  const char *path = place("skills.db");
  skillsmith_database *database;
  skillsmith_skill_repository *skills;
  int rounds = 0, status = -1;
  pid_t child;
  CODE(SKILLSMITH_OK, skillsmith_database_free(open_at(path)));
  registry_options("{\"delay_ms\": 20}");
  child = fork();
  if (child == 0) {
    skillsmith_sync_engine *engine;
    OPTIONS(skillsmith_sync_options, options);
    database = open_at(path);
    engine = engine_for(database);
    options.page_size = 20;
    RUN(SKILLSMITH_OK, "", engine, &options);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
    _exit(0);
  }
  database = open_without_patience(path);
  skills = skills_of(database);
  while (waitpid(child, &status, WNOHANG) == 0) {
    read_once(skills);
    rounds++;
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) FAIL("the sync ended with status %d", status);
  CHECK(rounds > 0);
  CHECK_EQ(read_all("synced", skills), 250);
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* Another program holds the write lock all the time. */
static void beside_a_writer(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_without_patience(path);
  skillsmith_skill_repository *skills = skills_of(database);
  skillsmith_skill_search_results *found;
  sqlite3 *writer = NULL;
  char *sql = content(of_tests("searches/skills.sql"));
  outside(path, sql);
  free(sql);
  CHECK_EQ(sqlite3_open(path, &writer), SQLITE_OK);
  CHECK_EQ(sqlite3_exec(writer, "BEGIN IMMEDIATE; DELETE FROM skills", NULL, NULL, NULL), SQLITE_OK);
  read_once(skills);
  found = find(skills, "git", NULL);
  CHECK_EQ(found->count, 5);
  DONE_RESULTS(found);
  CHECK_EQ(sqlite3_exec(writer, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  CHECK_EQ(sqlite3_close(writer), SQLITE_OK);
  found = find(skills, "git", NULL);
  CHECK(found->count == 0 && found->freshness->is_empty);
  DONE_RESULTS(found);
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

PROGRAM(CASE(the_table), CASE(an_answer), CASE(an_id_with_a_nul), CASE(out_of_range), CASE(the_freshness), CASE(without_an_index), CASE(every_version),
        CASE(of_others), CASE(beside_a_sync), CASE(beside_a_writer))
