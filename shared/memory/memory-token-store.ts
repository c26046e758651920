import type { TokenStore } from "../app/ports.ts";
import { listMemory } from "./memory-list.ts";
import type { MemoryStoreDeps } from "./memory-tables.ts";

export function memoryTokenStore({ tables }: Pick<MemoryStoreDeps, "tables">): TokenStore {
  const { tokens } = tables;
  return {
    create: async (token) => {
      if (tokens.get(token.id) !== undefined) return "exists";
      tokens.put(token.id, token);
      return "created";
    },
    read: async (id) => tokens.get(id),
    list: async (page) =>
      listMemory(tokens.all(), ({ id, createdAt }) => ({ id, at: createdAt }), page),
    remove: async (id) => (tokens.remove(id) ? "removed" : "not_found"),
  };
}
