// What a connector tells of itself: /hub/v1/connectors/N/status, as `leat status --json`.

export interface Trouble {
  action: string;
  code: string;
  where: string;
  message: string;
}

export interface TaskStatus {
  id: number;
  state: string;
  since: string;
  waits_for: string | null;
  error: Trouble | null;
  attempts: number;
  retry_at?: string;
}

export interface TableProgress {
  table: string;
  state: "waiting" | "reading" | "paused" | "done";
  snapshot: "initial" | "incremental";
  rows: number;
  rows_total: number | null;
  bytes: number;
  rows_per_second: number | null;
  milliseconds_left: number | null;
}

export interface Reader {
  sink: string;
  exists: boolean;
  fault?: string;
  events_behind?: number;
  bytes_behind?: number;
  oldest_unread?: string | null;
}

export interface Status {
  name: string;
  kind: "source" | "sink";
  class: string;
  pid?: number;
  state: string;
  since?: string;
  error?: Trouble | null;
  position_text?: string | null;
  received_position?: string | null;
  acknowledged_position?: string | null;
  counts?: Record<string, number>;
  tasks?: TaskStatus[];
  snapshot?: {
    state: string;
    tables_done: number;
    tables: number;
    rows: number;
    rows_total: number | null;
    rows_per_second: number | null;
    milliseconds_left: number | null;
    table_progress: TableProgress[];
  };
  lag_bytes?: number;
  retained_bytes?: number;
  stream_bytes?: number;
  memory_bytes?: number;
  memory_peak_bytes?: number;
  memory_bound_bytes?: number;
  resident_bytes?: number;
  last_event?: string | null;
  milliseconds_behind_source?: number | null;
  rates?: Record<string, { events_per_second: number; bytes_per_second?: number }>;
  desired?: { state: string; by: string | null; at: string | null };
  delivery?: {
    state: string;
    since: string;
    spool_bytes: number;
    spool_max_bytes: number;
    spool_full_at: string | null;
    error: Trouble | null;
  };
  readers?: Reader[];
}

export interface Why {
  name: string;
  state: string;
  stage: string | null;
  why: string;
}
