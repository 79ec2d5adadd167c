package io.tidemark.node.cluster;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A node that follows; a test says what it acknowledges. */
final class FakePeer implements Streams.Peer {
  private final Map<String, Long> durable = new ConcurrentHashMap<>();
  private volatile Member member;
  private volatile boolean asking;
  private volatile long epoch;
  private volatile long recordVersion;
  private volatile Map<String, LogPoint> ends = Map.of();
  private volatile boolean open;
  private volatile String fault;
  private volatile boolean resynchronising;
  private volatile FakeData source;
  private volatile ClusterRecord takeOver;
  private volatile boolean prepared;

  FakePeer(Member member, long epoch) {
    this.member = member;
    this.epoch = epoch;
  }

  /** Acknowledges all that a log has, as long as the stream is open. */
  FakePeer keepsUpWith(FakeData primary) {
    source = primary;
    return ends(primary.ends());
  }

  /** Acknowledges no more than now. */
  void stall() {
    FakeData primary = source;
    source = null;
    primary.ends().keySet().forEach(name -> durable.put(name, primary.durable(name)));
  }

  FakePeer acknowledges(String name, long txid) {
    durable.put(name, txid);
    return this;
  }

  FakePeer ends(Map<String, LogPoint> newEnds) {
    ends = newEnds;
    return this;
  }

  FakePeer opened() {
    open = true;
    return this;
  }

  FakePeer asks(Member as) {
    member = as;
    asking = true;
    return this;
  }

  FakePeer fault(String why) {
    fault = why;
    return this;
  }

  FakePeer resynchronises(boolean now) {
    resynchronising = now;
    return this;
  }

  FakePeer knows(long version) {
    recordVersion = version;
    return this;
  }

  /** A new connection, in a new epoch. */
  void connects(long newEpoch) {
    epoch = newEpoch;
    open = false;
    durable.clear();
    if (source != null) {
      ends = source.ends();
    }
  }

  ClusterRecord tookOver() {
    return takeOver;
  }

  @Override
  public Member member() {
    return member;
  }

  @Override
  public boolean asksForAdmission() {
    return asking;
  }

  @Override
  public long epoch() {
    return epoch;
  }

  @Override
  public String url() {
    return "http://node" + member.nodeId();
  }

  @Override
  public long recordVersion() {
    return recordVersion;
  }

  @Override
  public Map<String, LogPoint> ends() {
    return ends;
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public void open() {
    open = true;
  }

  @Override
  public String fault() {
    return fault;
  }

  @Override
  public boolean isResynchronising() {
    return resynchronising;
  }

  @Override
  public long durable(String name) {
    FakeData primary = source;
    if (primary != null) {
      return open ? primary.durable(name) : -1;
    }
    return durable.getOrDefault(name, -1L);
  }

  /** Whether it was told that the lease is about to be given up for it. */
  boolean isPrepared() {
    return prepared;
  }

  @Override
  public void prepareToTakeOver() {
    prepared = true;
  }

  @Override
  public void takeOver(ClusterRecord record) {
    takeOver = record;
  }
}
