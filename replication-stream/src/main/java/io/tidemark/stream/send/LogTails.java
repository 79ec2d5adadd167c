package io.tidemark.stream.send;

import io.tidemark.database.Database;
import io.tidemark.stream.FrameEncoder;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The {@link LogTail}s of all databases, and the numbers that databases have in the stream: the
 * same for every replica, so that a frame made for one is right for all.
 */
final class LogTails {
  /** What all tails hold together. */
  private static final long MOST_BYTES = 4 << 20;

  private final FrameEncoder encoder;
  private final AtomicLong room = new AtomicLong(MOST_BYTES);
  private final ConcurrentHashMap<Database, LogTail> tails = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, Integer> numbers = new ConcurrentHashMap<>();
  private final AtomicInteger lastNumber = new AtomicInteger();

  LogTails(FrameEncoder encoder) {
    this.encoder = encoder;
  }

  /** The number of a database of this node in the stream, from 1, below 2^30. */
  int number(String name) {
    return numbers.computeIfAbsent(name, unknown -> lastNumber.incrementAndGet());
  }

  /**
   * A replica follows the log of a database from now on, until it {@link #leave}s.
   *
   * @param id of the database for this replica
   * @return null if it has another number than for the others, so that it must read for itself
   */
  LogTail.Follower join(int id, Database database) {
    if (number(database.name()) != id) {
      return null;
    }
    LogTail.Follower[] joined = new LogTail.Follower[1];
    tails.compute(
        database,
        (key, tail) -> {
          LogTail now = tail != null ? tail : new LogTail(id, key, encoder, room);
          joined[0] = now.join();
          return now;
        });
    return joined[0];
  }

  /** A replica follows the log no more. */
  void leave(Database database, LogTail.Follower follower) {
    tails.computeIfPresent(database, (key, tail) -> follower.leave() ? null : tail);
  }
}
