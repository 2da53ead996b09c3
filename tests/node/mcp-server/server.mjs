#!/usr/bin/env node
// An MCP server with one tool, which searches the skills on this machine. They are kept up to date in the background.

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { Database, startBackgroundSync } from '@skillsmith/sync'
import BetterSqlite3 from 'better-sqlite3'
import { z } from 'zod'

// Opening creates the database where there is none yet. The server reads it through a SQLite of its own.
const skills = new Database()
const database = new BetterSqlite3(skills.name)

// Syncs now and once a day from now on, if that is due and not switched off. It neither blocks the server nor keeps it
// alive, and never prints to stdout, which belongs to the protocol.
startBackgroundSync({ db: skills })

const search = database.prepare(`
  SELECT skills.id, skills.name, skills.description, skills.repo_url AS url, skills.trust_tier AS trust
  FROM skills_fts JOIN skills ON skills.rowid = skills_fts.rowid
  WHERE skills_fts MATCH ?
  ORDER BY rank
  LIMIT ?
`)

/** Every word as it is: none of it is syntax of FTS5. */
const phrase = (text) =>
  text
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => `"${word.replaceAll('"', '""')}"`)
    .join(' ')

const server = new McpServer({ name: 'skill-search', version: '1.0.0' })
server.registerTool(
  'search_skills',
  {
    description: 'Searches the catalogue of skills for agents. All words must occur.',
    inputSchema: { query: z.string().min(1), limit: z.number().int().min(1).max(100).default(10) },
  },
  ({ query, limit }) => ({ content: [{ type: 'text', text: JSON.stringify(search.all(phrase(query), limit)) }] }),
)

// The process ends when its client closes stdin, since nothing else keeps it alive.
await server.connect(new StdioServerTransport())
