package io.tidemark.database;

/**
 * Says whether this node may commit. Asked for each transaction just before its record is appended
 * to the log: after that there is no refusal any more.
 */
public interface WriteAuthority {
  /**
   * @throws RefusedException (kind READ_ONLY) when this node may not write
   */
  void check() throws RefusedException;

  /** A single node: it may always write. */
  WriteAuthority ALWAYS = () -> {};
}
