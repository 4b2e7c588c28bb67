// SPDX-License-Identifier: MIT
// doorbell.d.ts - the types of doorbell.js, the headless part.

export interface Message {
  id: number;
  title: string;
  body: string;
  url: string | null;
  category: string | number | null;
  sender: string | number | null;
  extra: Record<string, unknown> | null;
  created_at: number;
  seen: boolean;
  read: boolean;
  archived: boolean;
  ack: boolean | null;
  group_key?: string | null;
  /** In a grouped list, what it stands for: of more than 100 messages the newest 100. */
  group?: { key: string; count: number; unread: number; senders: string[]; others: number } | null;
}

export interface Counts {
  num: number;
  version: number;
  seq: number;
  epoch?: string;
  user: string | null;
}

export interface MessagePage extends Counts {
  messages: Message[];
  next: string | null;
  position: string;
}

/** The answer to `after`. */
export interface MessageChanges extends MessagePage {
  /** What is known is void, and this the newest page. */
  reset: boolean;
  gone: number[];
  all_seen: boolean;
}

export interface Filter {
  state?: 'all' | 'unread' | 'archived';
  category?: string | null;
}

export interface Query extends Filter {
  before?: string;
  /** The position of an earlier answer: only what changed since. */
  after?: string;
  limit?: number;
  grouped?: boolean;
  group_key?: string;
}

export interface Preferences {
  muted: string[];
  lang?: string | null;
  quiet_hours?: QuietHours | null;
}

/** Times as '22:00', and the name of a time zone as 'Asia/Shanghai'. */
export interface QuietHours {
  from: string;
  to: string;
  timezone: string;
}

export interface Options {
  api?: string;
  relay?: string | null;
  events?: string | null;
  token?: string | (() => string | Promise<string>) | null;
  user?: string | null;
  worker?: boolean;
  badge?: string | Element | null;
  label?: (num: number) => string;
  title?: boolean;
  sound?: string | HTMLAudioElement | null;
  onChange?: (change: Pick<Counts, 'num' | 'version' | 'seq'>) => void;
  onMessage?: (message: Partial<Message> & { id: number; num: number }) => void;
  pollInterval?: number;
  refreshInterval?: number;
  pingInterval?: number;
}

export class DoorbellError extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfter: number | null;
}

/** All messages with this group_key; with `upto` only what the list with this position could show. */
export type Group = { group_key: string; upto?: string };
/** Which messages to archive or delete: with `upto` only what the list with this position could show. */
export type Away = (({ all: true } | { read: true } | { category: string }) & { upto?: string }) | Group;

export class Doorbell extends EventTarget {
  constructor(options?: Options);
  readonly num: number | null;
  readonly user: string | null;
  readonly state: 'stopped' | 'connecting' | 'live' | 'polling' | 'logged-out' | 'kicked';
  readonly transport: 'websocket' | 'events' | 'polling' | null;
  soundOn: boolean;
  start(): this;
  stop(): void;
  destroy(): void;
  login(token?: Options['token']): void;
  list(query: Query & { after: string }): Promise<MessageChanges>;
  list(query?: Query): Promise<MessagePage>;
  get(id: number | string): Promise<Message>;
  counts(): Promise<Counts & { categories: Record<string, number> }>;
  markRead(id: number | string | (number | string)[] | Group): Promise<Counts>;
  markUnread(id: number | string | (number | string)[]): Promise<Counts>;
  archive(id: number | string | (number | string)[] | Away): Promise<Counts>;
  acknowledge(id: number | string): Promise<Counts>;
  remove(id: number | string | (number | string)[] | Away): Promise<Counts>;
  markAllRead(): Promise<Counts>;
  markAllUnread(): Promise<Counts>;
  markSubjectRead(subject: { subject_type: string | number; subject_id: string | number }): Promise<Counts>;
  markOldestRead(n: number): Promise<Counts>;
  seen(position?: string): Promise<Counts>;
  preferences(): Promise<Preferences>;
  setPreferences(value: Partial<Preferences>): Promise<Counts>;
}

export interface View {
  status: 'loading' | 'ready' | 'failed';
  onTop: Message[];
  others: Message[];
  hasMore: boolean;
  isBusy: boolean;
  position: string | null;
}

export class Store {
  constructor(doorbell: Doorbell, options?: { undoMs?: number });
  readonly num: number | null;
  readonly categories: Record<string, number>;
  readonly undoable: { kind: 'archive' | 'remove' | 'readAll'; undo(): void | Promise<void> } | null;
  readonly isWatched: boolean;
  view(filter: Filter): View;
  watch(filter: Filter): () => void;
  refresh(filter: Filter): Promise<void>;
  more(filter: Filter): Promise<void>;
  change(kind: 'read' | 'unread' | 'acknowledge' | 'archive' | 'remove', message: Message): Promise<void>;
  readAll(): Promise<void>;
  seen(position: string): Promise<Counts>;
  count(): Promise<void>;
  subscribe(listener: () => void): () => void;
  flush(): void;
  destroy(): void;
}
