package io.tidemark.lease;

/**
 * A store that says who may write. It holds two things under one name: the <em>ownership</em>,
 * which ends when its holder does not renew it, and the <em>cluster record</em>, a text that stays.
 * Both change together, in one transaction of the store, or not at all.
 *
 * <p>The rules that every implementation keeps:
 *
 * <ol>
 *   <li>At most one live ownership. A new one begins only when the store has ended the one before,
 *       and that is later than its holder's own deadline ({@link LeaseTimes#deadline}).
 *   <li>Whoever changes the record owns the ownership at that moment, and has named the revision
 *       that he replaces.
 *   <li>Success is reported only when the store has said so. A lost answer is a result of its own.
 * </ol>
 *
 * <p>All calls may block for as long as their timeouts allow and may be made by any thread.
 */
public interface Leaser extends AutoCloseable {
  /**
   * The longest record, in bytes of UTF-8. Kubernetes allows 256 KiB for all annotations of an
   * object together; Consul and etcd allow more.
   */
  int MAX_RECORD_BYTES = 240 * 1024;

  /**
   * A linearizable read of the record and the ownership, as of one moment.
   *
   * @throws LeaseStoreException when there is no certain answer
   */
  Stored read() throws LeaseStoreException;

  /**
   * An acquisition is to be expected in a moment: what it needs of the store and takes time may be
   * fetched in advance. Returns at once; nothing depends on it.
   */
  default void prepare() {}

  /**
   * Becomes the owner and writes the record, in one transaction, if there is no live owner and the
   * record is still the one that was seen (or still absent).
   *
   * @param seen a read of this store
   * @throws LeaseStoreException nothing was done
   * @throws IllegalArgumentException if the record is too long
   */
  Acquisition acquire(Stored seen, String nextRecord, Owner owner) throws LeaseStoreException;

  /**
   * Calls back when the store may have changed. These are hints only: a change may be missed,
   * reported twice, or late, and after trouble with the connection there may be one without any
   * change. So whoever gets a hint reads, and reads from time to time without any.
   *
   * @param hint called by a thread of this client; should be short
   */
  LeaseWatch watch(Runnable hint);

  /** For messages: kind and place of the store, no secrets. */
  String describe();

  /** Stops watches and connections. Ownership is not released. */
  @Override
  void close();
}
