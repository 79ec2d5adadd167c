package io.tidemark.stream.send;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.util.ReferenceCountUtil;
import io.tidemark.database.Database;
import io.tidemark.database.Store;
import io.tidemark.stream.Ack;
import io.tidemark.stream.Admission;
import io.tidemark.stream.CommitMode;
import io.tidemark.stream.End;
import io.tidemark.stream.Frame;
import io.tidemark.stream.FrameEncoder;
import io.tidemark.stream.FrameType;
import io.tidemark.stream.Handoff;
import io.tidemark.stream.Heartbeat;
import io.tidemark.stream.HeartbeatDeadline;
import io.tidemark.stream.HeartbeatReply;
import io.tidemark.stream.Hello;
import io.tidemark.stream.Id;
import io.tidemark.stream.PageSums;
import io.tidemark.stream.Position;
import io.tidemark.stream.PositionMap;
import io.tidemark.stream.Positions;
import io.tidemark.stream.ProtocolException;
import io.tidemark.stream.RecordChunk;
import io.tidemark.stream.Refusal;
import io.tidemark.stream.SendSchedule;
import io.tidemark.stream.SnapshotResume;
import io.tidemark.stream.Standing;
import io.tidemark.stream.Welcome;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connected replica. A thread of its own reads the log and gives frames to the channel as long
 * as that takes them, so a replica that is slow or dead holds up nobody else; within it each
 * database has its window ({@link SendSchedule}).
 *
 * <p>Commits and the event loop only leave a note and wake the thread: {@link #committed} runs on
 * the way of a commit.
 */
final class ReplicaSession implements StreamPeer {
  private static final Logger LOG = LoggerFactory.getLogger(ReplicaSession.class);
  private static final long GREETING_NANOS = 10_000_000_000L;
  private static final long FIRST_POLL_NANOS = 100_000_000;

  /** Frames of the replica that wait; each is small, and a well-behaved replica has few. */
  private static final int MOST_WAITING = 100_000;

  /** Acknowledgements that nothing waits for are looked at after so long. */
  private static final long ACK_MILLIS = 20;

  private static final int FLUSH_BYTES = 64 << 10;
  private static final int LEAST_BUFFER = 16 << 10;

  private final Store store;
  private final PrimaryIdentity identity;
  private final SendOptions options;
  private final Channel channel;
  private final FrameEncoder encoder;
  private final LogTails tails;
  private final PrimaryStreams streams;
  private final Thread thread;
  private final long connectedMillis = System.currentTimeMillis();

  // Notes for the thread.
  private final ConcurrentLinkedQueue<Frame> inbox = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waiting = new AtomicInteger();
  private final ConcurrentLinkedQueue<SendLane> noted = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<String> newNames = new ConcurrentLinkedQueue<>();
  private final SenderSleep sleep = new SenderSleep();
  private volatile Frame lastWord;
  private volatile boolean closed;
  private volatile long lastHeard = System.nanoTime();

  // Of the thread; the maps are read by others.
  private final Map<String, SendLane> lanes = new ConcurrentHashMap<>();
  private final Map<Integer, SendLane> byId = new ConcurrentHashMap<>();
  private final SendSchedule schedule;
  private final PositionMap positions;

  /** Of the thread. */
  private final SendPace pace = new SendPace(System.nanoTime());

  private long sentTransactions;

  /** Whether something waits for acknowledgements. */
  private volatile boolean acksMatter = true;

  /** Of the event loop. */
  private boolean wakesSoon;

  private volatile Hello hello;
  private volatile Id admission = Id.NONE;
  private volatile long roundTripNanos;
  private volatile boolean positioned;
  private volatile boolean openAsked;
  private volatile boolean streaming;
  private volatile boolean planned;

  /** For names that only the replica knows: nobody remembers them, however many it makes up. */
  private int nextOfItsOwn = 1 << 30;

  private long heartbeats;
  private long lastHeartbeat = System.nanoTime();

  ReplicaSession(
      Store store,
      PrimaryIdentity identity,
      SendOptions options,
      FrameEncoder encoder,
      LogTails tails,
      Channel channel,
      PrimaryStreams streams) {
    this.store = store;
    this.identity = identity;
    this.options = options;
    this.encoder = encoder;
    this.tails = tails;
    this.channel = channel;
    this.streams = streams;
    this.schedule = new SendSchedule(options.windowBytes());
    this.positions = new PositionMap(options.mostDatabases());
    this.thread = new Thread(this::run, "tidemark-send-" + channel.id().asShortText());
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  // ------------------------------------------------- from other threads

  /** There is something new. On the way of a commit: notes it and wakes the thread. */
  void committed(Database database) {
    SendLane lane = lanes.get(database.name());
    if (lane == null) {
      newNames.add(database.name());
    } else if (lane.noted.compareAndSet(false, true)) {
      noted.add(lane);
    } else {
      return;
    }
    sleep.noted();
  }

  /** From the event loop. */
  void received(Frame frame) {
    lastHeard = System.nanoTime();
    if (frame instanceof Heartbeat beat) {
      channel.writeAndFlush(encoder.encode(channel.alloc(), HeartbeatReply.to(beat)));
      return;
    }
    if (isEnded()) {
      return; // nothing of this connection counts any more
    }
    if (frame instanceof Admission asked) {
      admit(asked);
      return;
    }
    if (frame instanceof Ack ack) {
      count(ack);
    }
    if (waiting.incrementAndGet() > MOST_WAITING) {
      failed(
          new ProtocolException(
              ProtocolException.Kind.ORDER, "more than " + MOST_WAITING + " frames are waiting"));
      return;
    }
    inbox.add(frame);
    if (frame instanceof Ack && !acksMatter) {
      wakeSoon();
    } else {
      sleep.wake();
    }
  }

  /**
   * From the event loop, so that a commit does not wait for the thread: what this node has on its
   * disk.
   */
  private void count(Ack ack) {
    SendLane lane = byId.get(ack.id());
    if (lane == null) {
      throw notOpened(FrameType.ACK, ack.id());
    }
    checkEpoch(FrameType.ACK, ack.epoch());
    long before = lane.durable();
    boolean followed = lane.isFollowing();
    lane.count(ack);
    if (lane.durable() != before) {
      streams.gate().acknowledged(this, lane.name(), lane.durable());
    }
    if (lane.isFollowing() != followed) {
      streams.gate().changed();
    }
  }

  private void checkEpoch(FrameType type, long epoch) {
    if (epoch != identity.epoch()) {
      throw new ProtocolException(
          ProtocolException.Kind.FIELD,
          type + ", epoch: found " + epoch + ", expected " + identity.epoch());
    }
  }

  /** From the event loop: another member acknowledges from here on. */
  private void admit(Admission asked) {
    byId.values().forEach(SendLane::forgetAcknowledged);
    admission = asked.token();
    streams.gate().changed();
  }

  /** From the event loop: there is no hurry, and waking the thread each time takes CPU. */
  private void wakeSoon() {
    if (!wakesSoon) {
      wakesSoon = true;
      channel
          .eventLoop()
          .schedule(
              () -> {
                wakesSoon = false;
                sleep.wake();
              },
              ACK_MILLIS,
              TimeUnit.MILLISECONDS);
    }
  }

  /** From the event loop: the replica does not keep to the protocol, or the connection broke. */
  void failed(Throwable cause) {
    if (cause instanceof ProtocolException fault && fault.kind() != ProtocolException.Kind.CUT) {
      boolean version = fault.kind() == ProtocolException.Kind.VERSION;
      end(
          version
              ? new Refusal(
                  Refusal.Reason.VERSION,
                  fault.getMessage(),
                  "Run the same version of Tidemark on all nodes.")
              : new End(End.Reason.PROTOCOL_ERROR, fault.getMessage()));
    } else {
      LOG.debug("{}: {}", remote(), cause.toString());
      gone();
    }
  }

  void writable() {
    sleep.wake();
  }

  /** The connection has ended. */
  void gone() {
    closed = true;
    sleep.wake();
  }

  /** Says a last word and ends the connection. */
  void end(Frame word) {
    if (lastWord == null) {
      lastWord = word;
    }
    sleep.wake();
  }

  /** Returns when the thread has ended. */
  void join(long millis) throws InterruptedException {
    thread.join(millis);
  }

  /** Null before the greeting. */
  @Override
  public Hello hello() {
    return hello;
  }

  /** Whether this side has ended the connection, or it was cut. */
  boolean isEnded() {
    return closed || lastWord != null;
  }

  @Override
  public long epoch() {
    return identity.epoch();
  }

  @Override
  public Id admission() {
    return admission;
  }

  boolean isPositioned() {
    return positioned;
  }

  @Override
  public Map<String, Position> ends() {
    return positions.positions();
  }

  @Override
  public boolean isOpen() {
    return openAsked;
  }

  @Override
  public void open() {
    openAsked = true;
    sleep.wake();
  }

  @Override
  public void tell(Standing standing) {
    channel.writeAndFlush(encoder.encode(channel.alloc(), standing));
  }

  @Override
  public void handoff(long recordVersion) {
    channel.writeAndFlush(encoder.encode(channel.alloc(), new Handoff(recordVersion)));
  }

  @Override
  public long durable(String database) {
    SendLane lane = lanes.get(database);
    return lane == null ? -1 : lane.durable();
  }

  @Override
  public boolean isResynchronising() {
    return !planned || !lanes.values().stream().allMatch(SendLane::isFollowing);
  }

  @Override
  public String fault() {
    for (SendLane lane : lanes.values()) {
      String problem = lane.problem();
      if (problem != null) {
        return "'" + lane.name() + "': " + problem;
      }
    }
    return null;
  }

  @Override
  public ReplicaStatus status() {
    Map<String, ReplicaStatus.DatabaseProgress> progress = new LinkedHashMap<>();
    lanes.forEach(
        (name, lane) ->
            progress.put(
                name,
                new ReplicaStatus.DatabaseProgress(
                    lane.acknowledged(), lane.problem(), lane.lagNanos())));
    return new ReplicaStatus(hello, remote(), connectedMillis, roundTripNanos, progress);
  }

  private String remote() {
    return String.valueOf(channel.remoteAddress());
  }

  // --------------------------------------------------------- the thread

  private void run() {
    try {
      while (!isEnded()) {
        takeFrames();
        if (positioned && openAsked && !streaming) {
          openAll();
        }
        takeNotes();
        boolean more = streaming && send();
        keepAlive();
        if (!more) {
          await();
        }
      }
    } catch (ProtocolException e) {
      failed(e);
    } catch (RuntimeException e) {
      LOG.error("serving the replica {} failed", remote(), e);
      end(new End(End.Reason.INTERNAL_ERROR, "the primary failed: " + e));
    } finally {
      finish();
    }
  }

  private void finish() {
    lanes.values().forEach(SendLane::close);
    Frame word = lastWord;
    if (word != null && channel.isActive()) {
      LOG.info("{}: {}", name(), word);
      channel
          .writeAndFlush(encoder.encode(channel.alloc(), word))
          .addListener(ChannelFutureListener.CLOSE);
    } else {
      channel.close();
    }
    streams.ended(this);
  }

  private String name() {
    Hello who = hello;
    return who == null ? remote() : "replica " + who.nodeId() + " (" + remote() + ")";
  }

  private void await() {
    acksMatter = !streaming || schedule.isWaitingForRoom() || !channel.isWritable();
    if (acksMatter && !inbox.isEmpty()) {
      return; // one that came when it did not matter yet
    }
    long now = System.nanoTime();
    long left =
        hello == null ? FIRST_POLL_NANOS : options.heartbeat().toNanos() - (now - lastHeartbeat);
    boolean soon = streaming && (pace.isBusy() || notesWait());
    sleep.sleep(soon ? Math.min(left, pace.waitNanos(now)) : left, soon);
  }

  private boolean notesWait() {
    return !noted.isEmpty() || !newNames.isEmpty();
  }

  private void takeFrames() {
    for (Frame frame = inbox.poll(); frame != null; frame = inbox.poll()) {
      waiting.decrementAndGet();
      take(frame);
    }
  }

  private void take(Frame frame) {
    if (frame instanceof Ack ack) {
      schedule.acknowledged(ack);
      byId.get(ack.id()).acknowledged(ack);
    } else if (frame instanceof HeartbeatReply reply) {
      roundTripNanos = System.nanoTime() - reply.senderNanos();
    } else if (frame instanceof Hello who) {
      greet(who);
    } else if (frame instanceof Positions some) {
      checkEpoch(FrameType.POSITIONS, some.epoch());
      if (positions.add(some)) {
        positioned = true;
        openAsked |= !streams.gate().isClosed();
        streams.gate().changed();
      }
    } else if (frame instanceof SnapshotResume wanted) {
      SendLane lane = lane(FrameType.SNAPSHOT_RESUME, wanted.id());
      lane.resume(wanted);
      schedule.ready(lane.id());
    } else if (frame instanceof PageSums sums) {
      SendLane lane = lane(FrameType.PAGE_SUMS, sums.id());
      lane.compare(sums);
      schedule.ready(lane.id());
    } else {
      LOG.info("{} ends: {}", name(), frame);
      closed = true;
    }
  }

  private SendLane lane(FrameType type, int id) {
    SendLane lane = byId.get(id);
    if (lane == null) {
      throw notOpened(type, id);
    }
    return lane;
  }

  private static ProtocolException notOpened(FrameType type, int id) {
    return new ProtocolException(
        ProtocolException.Kind.FIELD, type + " names database " + id + ", which was not opened");
  }

  private void greet(Hello who) {
    hello = who;
    Refusal refusal = Greeting.refusal(who, identity);
    if (refusal == null) {
      refusal = streams.gate().refusal(who);
    }
    if (refusal != null) {
      end(refusal);
      return;
    }
    LOG.info("{} has connected", name());
    streams.greeted(this);
    write(
        new Welcome(
            identity.clusterId(),
            identity.nodeId(),
            identity.processNonce(),
            identity.epoch(),
            streams.identity().recordVersion(),
            identity.commitMode(),
            streams.gate().standing(who),
            options.heartbeat().toMillis(),
            options.deadline().toMillis()));
    channel.flush();
    streams.gate().changed();
  }

  private void openAll() {
    Map<String, Position> theirs = positions.positions();
    streaming = true;
    // A heartbeat follows the plans, so that the replica knows that it has all of them.
    lastHeartbeat -= options.heartbeat().toNanos();
    streams.streaming(this); // from here on commits are noted
    theirs.forEach(this::open);
    for (Database database : store.allDatabases()) {
      if (!lanes.containsKey(database.name()) && isToBeSent(database)) {
        open(database.name(), Position.NONE);
      }
    }
    planned = true;
    streams.gate().changed();
  }

  /** Also what would exist only with records that are not known to be committed. */
  private static boolean isToBeSent(Database database) {
    return database.exists()
        || database.failure() != null
        || database.appended().txid() > database.position().txid();
  }

  private void open(String name, Position replica) {
    int id = store.get(name) == null ? nextOfItsOwn++ : tails.number(name);
    SendLane lane =
        new SendLane(id, name, replica, identity, streams.gate(), store.isReplica(), tails);
    schedule.open(lane.id());
    byId.put(lane.id(), lane); // before anything is sent that could be acknowledged
    lanes.put(name, lane);
    lane.plan(store.get(name));
    schedule.ready(lane.id());
  }

  /** Commits that wait for an answer of the replica are not held up for company. */
  private boolean paces() {
    return identity.commitMode() == CommitMode.ASYNC;
  }

  private void takeNotes() {
    if (!streaming) {
      return;
    }
    if (paces() && (pace.isBusy() || notesWait())) {
      long now = System.nanoTime();
      if (pace.waitNanos(now) > 0) {
        return;
      }
      pace.next(now, sentTransactions);
      sentTransactions = 0;
    }
    for (String name = newNames.poll(); name != null; name = newNames.poll()) {
      if (!lanes.containsKey(name)) {
        open(name, Position.NONE);
      } else {
        schedule.ready(lanes.get(name).id());
      }
    }
    for (SendLane lane = noted.poll(); lane != null; lane = noted.poll()) {
      lane.noted.set(false); // before the log is read: a later commit is noted again
      if (lane.awaitsTransaction()) {
        lane.plan(store.get(lane.name()));
      }
      schedule.ready(lane.id());
    }
  }

  /**
   * Sends what the channel takes, at most some frames, in one piece.
   *
   * @return whether there is more to do at once
   */
  private boolean send() {
    ByteBuf out = null;
    try {
      int bytes = 0;
      while (bytes < FLUSH_BYTES && channel.isWritable()) {
        OptionalInt turn = schedule.next();
        if (turn.isEmpty()) {
          break;
        }
        SendLane lane = byId.get(turn.getAsInt());
        Frame frame = lane.next();
        if (frame == null) {
          schedule.idle(lane.id());
          continue;
        }
        schedule.sent(lane.id(), frame.dataBytes());
        bytes += frame.dataBytes();
        if (out == null) {
          out = channel.alloc().ioBuffer(Math.max(LEAST_BUFFER, FrameEncoder.roomFor(frame)));
        }
        lane.append(frame, encoder, out);
        if (frame instanceof RecordChunk chunk && chunk.isLast()) {
          sentTransactions++;
        }
      }
      if (out == null) {
        return false;
      }
      channel.writeAndFlush(out.retain());
      return channel.isWritable();
    } finally {
      ReferenceCountUtil.release(out);
    }
  }

  private void write(Frame frame) {
    channel.write(encoder.encode(channel.alloc(), frame));
  }

  private void keepAlive() {
    long now = System.nanoTime();
    long silence = now - lastHeard;
    if (hello == null) {
      if (silence > GREETING_NANOS) {
        end(new End(End.Reason.TIMEOUT, "no greeting came"));
      }
      return;
    }
    HeartbeatDeadline deadline =
        new HeartbeatDeadline(options.heartbeat().toNanos(), options.deadline().toNanos());
    if (deadline.state(lastHeard, now) == HeartbeatDeadline.State.DEAD) {
      end(new End(End.Reason.TIMEOUT, "nothing was heard for " + silence / 1_000_000 + " ms"));
      return;
    }
    // The first one says that all plans were sent, so there is none before them.
    if (streaming && now - lastHeartbeat >= options.heartbeat().toNanos()) {
      lastHeartbeat = now;
      write(new Heartbeat(++heartbeats, now));
      channel.flush();
    }
    retryFailed();
  }

  /** What the replica has acknowledged is all that it has only when nothing is under way. */
  private void retryFailed() {
    for (SendLane lane : byId.values()) {
      if (lane.isToBeRetried() && schedule.inFlight(lane.id()) == 0) {
        lane.plan(store.get(lane.name()));
        schedule.ready(lane.id());
      }
    }
  }
}
