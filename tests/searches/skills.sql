-- The skills of tests/searches/table.json, for a new database of this library.
INSERT INTO skills (id, name, description, author, repo_url, quality_score, trust_tier, tags, source, security_passed) VALUES
  ('a/described', 'Helper', 'works with git repositories', 'ada', 'https://example.org/a', 0.9, 'verified', '["vcs","daily"]', 'registry', 1),
  ('b/named', 'Git helper', 'commits and branches', 'bob', 'https://example.org/b', 0.4, 'community', '["vcs"]', 'registry', 0),
  ('c/better', 'Git helper', 'commits and branches', 'cleo', 'https://example.org/c', 0.6, 'community', '["vcs"]', 'registry', NULL),
  ('d/quoted', 'Testing', 'runs tests "quickly" (NEAR 50%) -- or * not at all', 'dora', NULL, NULL, 'unknown', '["tests"]', 'registry', 1),
  ('e/local', 'Notes', 'my own notes_of_the_day', 'ada', NULL, 0.8, 'local', '["notes","git"]', 'local', NULL),
  ('f/marks', 'Café crème', 'naïve résumé, and Über', 'élodie', 'https://example.org/f', 0.5, 'curated', '["français"]', 'registry', 1),
  -- The same letters, each mark a character of its own.
  ('g/combining', 'Cafe' || char(769) || ' bar', 'a re' || char(769) || 'sume' || char(769), NULL, 'https://example.org/g', 0.5, 'unverified', '[]', 'registry', 1),
  ('h/hebrew', 'שלום עולם', 'מדריך קצר למתחילים', 'דוד', 'https://example.org/h', 0.3, 'experimental', '["עברית"]', 'registry', NULL),
  ('i/arabic', 'مرحبا بالعالم', 'دليل قصير', NULL, 'https://example.org/i', 0.3, 'experimental', '[]', 'registry', NULL),
  ('j/cjk', '工具 箱', '代码 审查 工具', '李', 'https://example.org/j', 0.7, 'official', '["工具"]', 'registry', 1),
  ('k/emoji', 'Rocket ' || char(128640), 'launches ' || char(128640) || ' things', 'eve', 'https://example.org/k', 0.2, 'community', '["' || char(128640) || '"]', 'registry', 0),
  ('l/nul', 'Nul' || char(0) || 'byte', 'before' || char(0) || 'behind', NULL, 'https://example.org/l', 0.1, 'community', '[]', 'registry', NULL),
  ('m/symbols', 'C++ and C# end-to-end', 'uses snake_case, kebab-case & 100% of AT&T', 'o''hara', 'https://example.org/m', 0.65, 'community', '["c++"]', 'registry', 1),
  ('n/operators', 'AND OR NOT', 'NEAR(git, helper) name:git ^first {brace} a*b', NULL, 'https://example.org/n', 0.05, 'community', '[]', 'registry', NULL),
  ('o/bare', 'Bare', NULL, NULL, NULL, NULL, NULL, '[]', 'registry', NULL),
  ('p/zero', 'Zero', 'a score of nothing', NULL, 'https://example.org/p', 0, 'community', '[]', 'registry', 1),
  ('Ω/last', 'Omega', 'the last id of all', NULL, 'https://example.org/omega', 1, 'official', '[]', 'registry', 1);

INSERT INTO categories (id, name) VALUES ('version-control', 'Version Control'), ('testing', 'Testing'), ('text', 'Text & Notes');
INSERT INTO skill_categories (skill_id, category_id) VALUES
  ('a/described', 'version-control'), ('b/named', 'version-control'), ('b/named', 'testing'), ('d/quoted', 'testing'), ('e/local', 'text');
