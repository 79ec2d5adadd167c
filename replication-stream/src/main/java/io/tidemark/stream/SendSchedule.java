package io.tidemark.stream;

import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Whose turn it is to send to one replica: the databases that have something to send and room in
 * their window, one frame each in turn. A database whose replica is slow is not among them and
 * holds up no other; a large record of one waits for one frame of each other.
 *
 * <p>Every call takes constant time, however many databases are idle. Single-threaded. Frames
 * without data (commit positions, heartbeats) need no turn.
 */
public final class SendSchedule {
  private static final class Lane {
    SendWindow window;
    boolean ready;
    boolean waits;

    Lane(SendWindow window) {
      this.window = window;
    }
  }

  private final long windowBytes;
  private final Map<Integer, Lane> lanes = new HashMap<>();
  private int waiting;

  /** Those that may send, in the order of their turns. */
  private final LinkedHashSet<Integer> turns = new LinkedHashSet<>();

  /**
   * @param windowBytes most bytes under way for each database, at least {@link Protocol#MAX_DATA}
   */
  public SendSchedule(long windowBytes) {
    SendWindow.open(windowBytes);
    this.windowBytes = windowBytes;
  }

  /**
   * Adds a database, with nothing to send yet.
   *
   * @param id number in the stream, not in use
   */
  public void open(int id) {
    if (lanes.putIfAbsent(id, new Lane(SendWindow.open(windowBytes))) != null) {
      throw new IllegalStateException("database " + id + " is open already");
    }
  }

  /** The database has something to send. */
  public void ready(int id) {
    lane(id).ready = true;
    update(id);
  }

  /** The database has nothing more to send for now. */
  public void idle(int id) {
    lane(id).ready = false;
    update(id);
  }

  /**
   * The database that may send one frame of up to {@link Protocol#MAX_DATA} bytes now, after which
   * it is last in line; empty when none has both something to send and room.
   */
  public OptionalInt next() {
    Iterator<Integer> first = turns.iterator();
    if (!first.hasNext()) {
      return OptionalInt.empty();
    }
    int id = first.next();
    first.remove();
    turns.add(id);
    return OptionalInt.of(id);
  }

  /**
   * Counts a frame that was sent in a turn.
   *
   * @param bytes {@link Frame#dataBytes}
   */
  public void sent(int id, int bytes) {
    Lane lane = lane(id);
    lane.window = lane.window.afterSending(bytes);
    update(id);
  }

  /**
   * Counts what the replica has acknowledged.
   *
   * @throws ProtocolException when the number or the database cannot be
   */
  public void acknowledged(Ack ack) {
    Lane lane = lanes.get(ack.id());
    FrameType.ACK.check(lane != null, "database id", ack.id(), "one that was opened");
    lane.window = lane.window.afterAck(ack.consumed());
    update(ack.id());
  }

  /** Bytes of a database that are under way. */
  public long inFlight(int id) {
    return lane(id).window.inFlight();
  }

  /** Whether a database has something to send, and no room until the replica acknowledges. */
  public boolean isWaitingForRoom() {
    return waiting > 0;
  }

  private void update(int id) {
    Lane lane = lane(id);
    boolean room = lane.window.hasRoom();
    boolean waits = lane.ready && !room;
    if (waits != lane.waits) {
      lane.waits = waits;
      waiting += waits ? 1 : -1;
    }
    if (lane.ready && room) {
      turns.add(id);
    } else {
      turns.remove(id);
    }
  }

  private Lane lane(int id) {
    Lane lane = lanes.get(id);
    if (lane == null) {
      throw new IllegalStateException("database " + id + " is not open");
    }
    return lane;
  }
}
