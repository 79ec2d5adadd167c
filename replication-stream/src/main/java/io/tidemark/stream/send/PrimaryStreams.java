package io.tidemark.stream.send;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.tidemark.database.CommitListener;
import io.tidemark.database.Database;
import io.tidemark.database.Store;
import io.tidemark.stream.End;
import io.tidemark.stream.EndOfInput;
import io.tidemark.stream.Frame;
import io.tidemark.stream.FrameDecoder;
import io.tidemark.stream.FrameEncoder;
import io.tidemark.stream.FrameType;
import io.tidemark.stream.Hello;
import io.tidemark.stream.Refusal;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** All replicas of a primary. */
public final class PrimaryStreams implements CommitListener, AutoCloseable {
  private static final long END_MILLIS = 2000;

  private final Store store;
  private final SendOptions options;
  private final StreamGate gate;
  private final FrameEncoder encoder;
  private final LogTails tails;
  private final Set<ReplicaSession> sessions = ConcurrentHashMap.newKeySet();

  /** Those that hear of commits; read on the way of every commit. */
  private final CopyOnWriteArrayList<ReplicaSession> streaming = new CopyOnWriteArrayList<>();

  private volatile PrimaryIdentity identity;
  private volatile boolean closed;

  public PrimaryStreams(
      Store store, PrimaryIdentity identity, SendOptions options, StreamGate gate) {
    this.store = store;
    this.identity = identity;
    this.options = options;
    this.gate = gate;
    Set<FrameType> compressed = EnumSet.noneOf(FrameType.class);
    if (options.compressPages()) {
      compressed.add(FrameType.SNAPSHOT_PAGES);
    }
    if (options.compressRecords()) {
      compressed.add(FrameType.RECORD_CHUNK);
    }
    encoder = new FrameEncoder(compressed);
    tails = new LogTails(encoder);
    store.addCommitListener(this);
  }

  /**
   * Serves a replica on a connection that has left HTTP.
   *
   * @param channel whose pipeline decodes nothing any more; it must read by itself (autoRead)
   */
  public void accept(Channel channel) {
    PrimaryIdentity now = identity;
    ReplicaSession session = new ReplicaSession(store, now, options, encoder, tails, channel, this);
    ChannelPipeline pipeline = channel.pipeline();
    pipeline.addLast(new FrameDecoder(FrameType.Sender.REPLICA));
    pipeline.addLast(new Receiver(session));
    sessions.add(session);
    session.start();
    if (closed) {
      session.end(new End(End.Reason.SHUTDOWN, "this node is stopping"));
    } else if (identity.epoch() != now.epoch()) {
      session.end(newEpoch(identity));
    } else if (sessions.size() > options.mostReplicas()) {
      session.end(
          new Refusal(
              Refusal.Reason.CAPACITY,
              "this primary serves " + options.mostReplicas() + " replicas already",
              "Stop a replica, or connect this one later."));
    }
  }

  /**
   * Other nodes may have what was appended; in sync mode, where it is not committed yet. To be
   * called by {@link io.tidemark.database.CommitGate#offered}: it leaves a note.
   */
  public void offered(Database database) {
    committed(database);
  }

  /** A transaction was committed, or the announced commit position has risen without one. */
  @Override
  public void committed(Database database) {
    for (ReplicaSession session : streaming) {
      session.committed(database);
    }
  }

  /** Replicas that have introduced themselves. */
  public List<ReplicaStatus> replicas() {
    List<ReplicaStatus> all = new ArrayList<>();
    for (ReplicaSession session : sessions) {
      if (session.hello() != null) {
        all.add(session.status());
      }
    }
    return all;
  }

  /** The nodes that wait for their streams or have them. */
  public List<StreamPeer> peers() {
    List<StreamPeer> all = new ArrayList<>();
    for (ReplicaSession session : sessions) {
      if (session.isPositioned() && !session.isEnded()) {
        all.add(session);
      }
    }
    return all;
  }

  /** For nodes that connect from now on: another record version. */
  public void identity(PrimaryIdentity now) {
    identity = now;
  }

  PrimaryIdentity identity() {
    return identity;
  }

  /**
   * This node is primary in a later epoch from now on. All connections end, and with them what was
   * acknowledged; the nodes connect again at once.
   */
  public void begin(PrimaryIdentity next) {
    identity = next;
    End word = newEpoch(next);
    for (ReplicaSession session : sessions) {
      session.end(word);
    }
  }

  private static End newEpoch(PrimaryIdentity next) {
    return new End(End.Reason.NEW_EPOCH, "epoch " + next.epoch() + " begins");
  }

  StreamGate gate() {
    return gate;
  }

  /** A node has one connection: an older one is what was left when it was cut. */
  void greeted(ReplicaSession session) {
    Hello who = session.hello();
    for (ReplicaSession other : sessions) {
      Hello before = other.hello();
      if (other != session && before != null && before.nodeId().equals(who.nodeId())) {
        other.end(new End(End.Reason.REPLACED, "the same node has connected again"));
      }
    }
  }

  void streaming(ReplicaSession session) {
    streaming.add(session);
  }

  void ended(ReplicaSession session) {
    streaming.remove(session);
    sessions.remove(session);
    gate.changed();
  }

  /** Tells all replicas that this node stops, and ends their connections. */
  @Override
  public void close() {
    close(new End(End.Reason.SHUTDOWN, "the primary is stopping"));
  }

  /** Ends all connections with that word. */
  public void close(End word) {
    closed = true;
    store.removeCommitListener(this);
    List<ReplicaSession> open = List.copyOf(sessions);
    for (ReplicaSession session : open) {
      session.end(word);
    }
    try {
      for (ReplicaSession session : open) {
        session.join(END_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** What the event loop gives to a session. */
  private static final class Receiver extends SimpleChannelInboundHandler<Frame> {
    private final ReplicaSession session;

    Receiver(ReplicaSession session) {
      this.session = session;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, Frame frame) {
      session.received(frame);
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
      session.writable();
    }

    /** A replica that says nothing more is gone: it must always be able to acknowledge. */
    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
      if (EndOfInput.is(event)) {
        session.gone();
      }
      context.fireUserEventTriggered(event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      session.gone();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      session.failed(cause);
    }
  }
}
