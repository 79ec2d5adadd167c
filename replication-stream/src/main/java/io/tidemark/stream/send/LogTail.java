package io.tidemark.stream.send;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.tidemark.database.Database;
import io.tidemark.database.RecordsGoneException;
import io.tidemark.stream.FrameEncoder;
import io.tidemark.stream.RecordChunk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest records of one database, read, checked and made frames once for all replicas that keep
 * up. Who falls behind reads the log for itself until it has caught up, and so does everybody for a
 * record that is large, or while there is a single replica.
 *
 * <p>Invariants: it holds records in the order of their TXIDs, up to the one that its reader is at;
 * a record goes when every follower that keeps up has it, and otherwise when there is no room.
 *
 * <p>A record from here says nothing about whether the log is still the same: whoever takes one
 * asks its own reader ({@link RecordFrames#skipTo}) afterwards.
 */
final class LogTail {
  private static final Logger LOG = LoggerFactory.getLogger(LogTail.class);

  /** Larger records are not kept. */
  static final int MOST_OF_ONE = 64 << 10;

  /** Frames of one database. */
  static final int MOST_BYTES = 256 << 10;

  /** One record, as it is and as it is sent. */
  record Ready(RecordChunk record, ByteBuf frame) {
    int bytes() {
      return frame.capacity() + record.dataBytes();
    }
  }

  private final int id;
  private final Database database;
  private final FrameEncoder encoder;

  /** Room that is left for all tails. */
  private final AtomicLong room;

  // Guarded by this.
  private final List<Follower> followers = new ArrayList<>();
  private final ArrayDeque<Ready> ready = new ArrayDeque<>();
  private RecordFrames reader;

  /** The last transaction that the reader has been at. */
  private long last;

  private int bytes;

  /**
   * @param id of the database, the same for all replicas
   * @param room bytes that all tails may hold beyond what they have now
   */
  LogTail(int id, Database database, FrameEncoder encoder, AtomicLong room) {
    this.id = id;
    this.database = database;
    this.encoder = encoder;
    this.room = room;
  }

  /** One replica, which goes from record to record. */
  final class Follower {
    /** What it asks for next; 0 when it does not keep up. */
    private long next;

    private Follower() {}

    /**
     * A record that counts.
     *
     * @param txid not below what was asked for before
     * @return null when the caller has to read it for itself
     */
    Ready record(long txid) {
      synchronized (LogTail.this) {
        Ready found = followers.size() < 2 ? null : find(txid);
        next = found != null || txid >= last ? txid + 1 : 0;
        dropTaken();
        return found;
      }
    }

    /** Returns true when it was the last one. */
    boolean leave() {
      synchronized (LogTail.this) {
        followers.remove(this);
        if (followers.size() < 2) {
          forget();
        }
        return followers.isEmpty();
      }
    }
  }

  synchronized Follower join() {
    Follower follower = new Follower();
    followers.add(follower);
    return follower;
  }

  private Ready find(long txid) {
    if (txid > last) {
      return read(txid);
    }
    for (Ready each : ready) {
      if (each.record().txid().value() == txid) {
        return each;
      }
    }
    return null;
  }

  /** Nobody who keeps up asks for these again. */
  private void dropTaken() {
    long lowest = Long.MAX_VALUE;
    for (Follower follower : followers) {
      lowest = follower.next == 0 ? lowest : Math.min(lowest, follower.next);
    }
    while (!ready.isEmpty() && ready.peek().record().txid().value() < lowest) {
      dropFirst();
    }
  }

  private void dropFirst() {
    int gone = ready.remove().bytes();
    bytes -= gone;
    room.addAndGet(gone);
  }

  private Ready read(long txid) {
    try {
      if (reader == null) {
        reader = RecordFrames.after(database, id, txid - 1);
      } else if (txid > last + 1) {
        dropAll();
        reader.skipTo(txid - 1);
      }
      if (!reader.begin()) {
        return null;
      }
      last = txid;
      if (reader.bodyLength() > MOST_OF_ONE) {
        return null;
      }
      RecordChunk record = reader.next(database.position().txid());
      ByteBuf frame = Unpooled.buffer(FrameEncoder.roomFor(record));
      encoder.append(record, frame);
      Ready made = new Ready(record, frame);
      keep(made);
      return made;
    } catch (IOException | RecordsGoneException | UncheckedIOException e) {
      // Whoever asks reads for itself, and finds out what that means for its replica.
      LOG.debug("{}: {}", database.name(), e.toString());
      forget();
      return null;
    }
  }

  private void keep(Ready made) {
    int size = made.bytes();
    while (!ready.isEmpty() && (bytes + size > MOST_BYTES || room.get() < size)) {
      long gone = ready.peek().record().txid().value();
      dropFirst();
      for (Follower follower : followers) {
        follower.next = follower.next <= gone ? 0 : follower.next;
      }
    }
    if (room.addAndGet(-size) < 0) {
      room.addAndGet(size);
    } else {
      ready.add(made);
      bytes += size;
    }
  }

  private void dropAll() {
    while (!ready.isEmpty()) {
      dropFirst();
    }
  }

  private void forget() {
    dropAll();
    last = 0;
    RecordFrames open = reader;
    reader = null;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        LOG.debug("{}: {}", database.name(), e.toString()); // nothing was written with it
      }
    }
  }

  /** Bytes that are kept now. */
  synchronized int bytes() {
    return bytes;
  }
}
