package io.tidemark.stream;

/** When a COMMIT returns on the primary. */
public enum CommitMode {
  /** When the primary's own log has the transaction. */
  ASYNC,
  /** When the in-sync replicas have it on disk as well. */
  SYNC;

  int code() {
    return this == ASYNC ? 0 : 1;
  }

  static CommitMode of(int code) {
    FrameType.WELCOME.check(code <= 1, "commit mode", code, "0 (async) or 1 (sync)");
    return code == 0 ? ASYNC : SYNC;
  }
}
