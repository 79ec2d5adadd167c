package io.tidemark.node.cluster;

import io.netty.handler.ssl.SslContext;
import io.tidemark.database.Database;
import io.tidemark.database.Store;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.FollowRule;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import io.tidemark.node.StreamDoor;
import io.tidemark.stream.End;
import io.tidemark.stream.Hello;
import io.tidemark.stream.Id;
import io.tidemark.stream.MemberStanding;
import io.tidemark.stream.Position;
import io.tidemark.stream.Refusal;
import io.tidemark.stream.Standing;
import io.tidemark.stream.Welcome;
import io.tidemark.stream.receive.FollowGate;
import io.tidemark.stream.receive.FollowOptions;
import io.tidemark.stream.receive.FollowStatus;
import io.tidemark.stream.receive.PrimaryAddress;
import io.tidemark.stream.receive.PrimaryFollower;
import io.tidemark.stream.receive.ReplicaIdentity;
import io.tidemark.stream.send.PrimaryIdentity;
import io.tidemark.stream.send.PrimaryStreams;
import io.tidemark.stream.send.ReplicaStatus;
import io.tidemark.stream.send.SendOptions;
import io.tidemark.stream.send.StreamGate;
import io.tidemark.stream.send.StreamPeer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of a node whose role changes. It follows whoever is primary; as a primary it
 * serves the others; and as a follower it lends its log to the process that has just taken the
 * epoch, if that lacks something.
 */
final class NodeStreams implements Streams, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NodeStreams.class);

  private final Store store;
  private final ClusterMemory memory;
  private final Id nodeId;
  private final Id nonce;
  private final String advertiseUrl;
  private final boolean candidate;
  private final String token;
  private final SslContext tls;
  private final SendOptions options;
  private final PrimaryFollower follower;
  private volatile PrimaryStreams serving;
  private volatile PrimaryStreams lending;
  private volatile boolean fetching;
  private volatile ClusterRecord record; // as primary
  private volatile ClusterDriver driver;

  /**
   * @param candidate whether this node may be a member of the in-sync set
   * @param token of the ports of all nodes, or null
   * @param tls for ports with TLS, or null
   */
  NodeStreams(
      Store store,
      ClusterMemory memory,
      long nonce,
      String advertiseUrl,
      boolean candidate,
      String token,
      SslContext tls,
      SendOptions options,
      RandomGenerator random) {
    this.store = store;
    this.memory = memory;
    this.nodeId = Id.parse(store.nodeId());
    this.nonce = new Id(nonce);
    this.advertiseUrl = advertiseUrl;
    this.candidate = candidate;
    this.token = token;
    this.tls = tls;
    this.options = options;
    this.follower =
        new PrimaryFollower(
            store, this::identity, FollowOptions.defaults(), new Following(), from -> {}, random);
  }

  /** Whom to tell that something has changed; before {@link #start}. */
  void connect(ClusterDriver newDriver) {
    driver = newDriver;
  }

  void start() {
    follower.start();
  }

  // ------------------------------------------------------------------- following

  private ReplicaIdentity identity() {
    return new ReplicaIdentity(
        nodeId,
        Id.parse(store.incarnation()),
        nonce,
        new Id(memory.token()),
        memory.recordVersion(),
        advertiseUrl);
  }

  /** Hears what a primary says of the in-sync set. */
  private final class Following implements FollowGate {
    @Override
    public Refusal judge(Welcome from) throws IOException {
      return NodeStreams.this.judge(from);
    }

    @Override
    public Id admission() throws IOException {
      return candidate && !fetching ? new Id(memory.newToken()) : Id.NONE;
    }

    @Override
    public void standing(Standing now) {
      try {
        memory.saw(now.recordVersion());
      } catch (IOException e) {
        LOG.warn("cannot remember record version {}: {}", now.recordVersion(), e.toString());
      }
    }

    @Override
    public void handoff(long recordVersion) {
      if (recordVersion == 0) {
        driver.prepareToTakeOver();
      } else {
        driver.wake();
      }
    }
  }

  private Refusal judge(Welcome from) throws IOException {
    if (fetching) {
      return from.epoch() == store.epoch()
          ? null
          : refusal("this node fetches the rest of epoch " + store.epoch());
    }
    long epoch = store.epoch();
    FollowRule.Verdict verdict =
        FollowRule.judge(
            new FollowRule.Promise(0, epoch, memory.nonceOf(epoch), memory.recordVersion()),
            new FollowRule.Sender(
                from.clusterId().value(),
                from.epoch(),
                from.processNonce().value(),
                from.recordVersion()));
    if (verdict.kind() == FollowRule.Kind.REFUSE && !Mutant.EPOCH_NOT_CHECKED.isOn()) {
      return refusal(verdict.reason());
    }
    memory.follows(from.epoch(), from.processNonce().value(), from.recordVersion());
    return null;
  }

  private static Refusal refusal(String why) {
    return new Refusal(
        Refusal.Reason.EPOCH, why, "Check which node the lease store names as the owner.");
  }

  @Override
  public void follow(String url) {
    fetching = false;
    target(url);
  }

  @Override
  public void fetch(String url) {
    fetching = true;
    target(url);
  }

  private void target(String url) {
    PrimaryAddress address = url == null ? null : PrimaryAddress.parse(url, token);
    follower.follow(address, address != null && address.tls() ? tls : null);
  }

  FollowStatus following() {
    return follower.status();
  }

  long lagNanos() {
    return follower.lagNanos();
  }

  // --------------------------------------------------------------------- serving

  @Override
  public void announce(ClusterRecord next) {
    closeLending();
    record = next;
    PrimaryStreams now = serving;
    if (now == null) {
      serving = new PrimaryStreams(store, identityOf(next), options, new ServingGate());
    } else {
      now.begin(identityOf(next));
    }
  }

  private PrimaryIdentity identityOf(ClusterRecord record) {
    return new PrimaryIdentity(
        new Id(record.clusterId()),
        nodeId,
        nonce,
        record.epoch(),
        record.version(),
        record.mode() == CommitMode.SYNC
            ? io.tidemark.stream.CommitMode.SYNC
            : io.tidemark.stream.CommitMode.ASYNC);
  }

  @Override
  public void recordChanged(ClusterRecord next) {
    record = next;
    PrimaryStreams now = serving;
    if (now != null) {
      now.identity(identityOf(next));
      for (Peer peer : peers()) {
        ((ConnectedPeer) peer).tell(next);
      }
    }
  }

  @Override
  public void offered(Database database) {
    PrimaryStreams now = serving;
    if (now != null) {
      now.offered(database);
    }
  }

  @Override
  public void settled(String name) {
    PrimaryStreams now = serving;
    Database database = store.get(name);
    if (now != null && database != null) {
      now.committed(database);
    }
  }

  @Override
  public List<Peer> peers() {
    PrimaryStreams now = serving;
    ClusterRecord of = record;
    List<Peer> peers = new ArrayList<>();
    if (now != null) {
      for (StreamPeer peer : now.peers()) {
        peers.add(new ConnectedPeer(peer, of));
      }
    }
    return peers;
  }

  @Override
  public void withdraw(String why, boolean handedOver) {
    PrimaryStreams before = serving;
    serving = null;
    if (before != null) {
      before.close(new End(handedOver ? End.Reason.HANDOFF : End.Reason.NOT_PRIMARY, why));
    }
  }

  List<ReplicaStatus> replicas() {
    PrimaryStreams now = serving;
    return now == null ? List.of() : now.replicas();
  }

  /** Takes connections of other nodes, whatever this one is. */
  StreamDoor door() {
    return channel -> {
      PrimaryStreams now = serving;
      (now != null ? now : lending()).accept(channel);
    };
  }

  private synchronized PrimaryStreams lending() {
    PrimaryIdentity identity =
        new PrimaryIdentity(
            Id.parse(store.clusterId()),
            nodeId,
            nonce,
            Math.max(1, store.epoch()),
            memory.recordVersion(),
            io.tidemark.stream.CommitMode.ASYNC);
    if (lending == null) {
      lending = new PrimaryStreams(store, identity, options, new LendingGate());
    } else {
      lending.identity(identity);
    }
    return lending;
  }

  private synchronized void closeLending() {
    if (lending != null) {
      lending.close(new End(End.Reason.NEW_EPOCH, "this node is about to be primary"));
      lending = null;
    }
  }

  @Override
  public void close() {
    follower.close();
    withdraw("the node is stopping", false);
    closeLending();
  }

  /** Whoever connects waits until the in-sync set allows for it. */
  private final class ServingGate implements StreamGate {
    @Override
    public Refusal refusal(Hello from) {
      return from.token().isNone()
          ? new Refusal(
              Refusal.Reason.CLUSTER,
              "the replica has a static lease, this node one of a store",
              "Give all nodes of a cluster the same lease.type.")
          : null;
    }

    @Override
    public MemberStanding standing(Hello from) {
      return standingOf(record, memberOf(from, from.token()));
    }

    @Override
    public boolean isClosed() {
      return true;
    }

    @Override
    public long announced(Database database) {
      return driver.announced(database);
    }

    @Override
    public void changed() {
      driver.wake();
    }

    @Override
    public void acknowledged(StreamPeer peer, String database, long durable) {
      driver.acknowledged(database);
    }
  }

  private static Member memberOf(Hello from, Id token) {
    return new Member(from.nodeId().value(), from.incarnation().value(), token.value());
  }

  private static MemberStanding standingOf(ClusterRecord record, Member member) {
    Member entry = record.member(member.nodeId());
    return entry == null
        ? MemberStanding.NOT_A_MEMBER
        : entry.equals(member) ? MemberStanding.MEMBER : MemberStanding.LEAVING;
  }

  /** Only the process that has the epoch which this node follows may read its log. */
  private final class LendingGate implements StreamGate {
    @Override
    public Refusal refusal(Hello from) {
      long owner = memory.nonceOf(store.epoch());
      return owner != 0 && from.processNonce().value() == owner
          ? null
          : new Refusal(
              Refusal.Reason.NOT_PRIMARY,
              "this node is not primary",
              "The lease store names the node that is; nodes find it there by themselves.");
    }

    @Override
    public boolean isClosed() {
      return false;
    }

    @Override
    public void changed() {
      // Nobody waits for a borrower.
    }
  }

  /** Two are equal if they are the same connection. */
  private static final class ConnectedPeer implements Peer {
    private final StreamPeer peer;
    private final ClusterRecord record;

    ConnectedPeer(StreamPeer peer, ClusterRecord record) {
      this.peer = peer;
      this.record = record;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof ConnectedPeer connected && connected.peer == peer;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(peer);
    }

    @Override
    public long epoch() {
      return peer.epoch();
    }

    @Override
    public Member member() {
      return memberOf(peer.hello(), asksForAdmission() ? peer.admission() : peer.hello().token());
    }

    @Override
    public boolean asksForAdmission() {
      return !peer.admission().isNone();
    }

    @Override
    public String url() {
      return peer.hello().advertiseUrl();
    }

    @Override
    public long recordVersion() {
      return peer.hello().recordVersion();
    }

    @Override
    public Map<String, LogPoint> ends() {
      Map<String, LogPoint> ends = new TreeMap<>();
      peer.ends().forEach((name, end) -> ends.put(name, point(end)));
      return ends;
    }

    private static LogPoint point(Position position) {
      return position.isNone()
          ? LogPoint.NONE
          : new LogPoint(position.epoch(), position.txid().value(), position.checksum().value());
    }

    @Override
    public boolean isOpen() {
      return peer.isOpen();
    }

    /** The record may have changed between the greeting and the positions: it hears so first. */
    @Override
    public void open() {
      tell(record);
      peer.open();
    }

    @Override
    public boolean isResynchronising() {
      return peer.isResynchronising();
    }

    @Override
    public String fault() {
      return peer.fault();
    }

    @Override
    public long durable(String name) {
      return peer.durable(name);
    }

    private void tell(ClusterRecord record) {
      peer.tell(
          new Standing(
              record.version(),
              standingOf(record, member()),
              record.members().size(),
              record.minInSync()));
    }

    @Override
    public void prepareToTakeOver() {
      peer.handoff(0);
    }

    @Override
    public void takeOver(ClusterRecord record) {
      peer.handoff(record.version());
    }
  }
}
