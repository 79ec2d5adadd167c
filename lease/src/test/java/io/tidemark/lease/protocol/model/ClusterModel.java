package io.tidemark.lease.protocol.model;

import static io.tidemark.lease.protocol.model.World.*;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.ClusterRecord.Primary;
import io.tidemark.lease.protocol.ClusterRecord.Successor;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.CommitRule;
import io.tidemark.lease.protocol.Eligibility;
import io.tidemark.lease.protocol.Fencing;
import io.tidemark.lease.protocol.FollowRule;
import io.tidemark.lease.protocol.Handoff;
import io.tidemark.lease.protocol.InDoubt;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.MemberAck;
import io.tidemark.lease.protocol.NextRecord;
import io.tidemark.lease.protocol.Role;
import io.tidemark.lease.protocol.RoleEvent;
import io.tidemark.lease.protocol.RoleMachine;
import io.tidemark.lease.protocol.SetChange;
import io.tidemark.lease.protocol.StartView;
import io.tidemark.lease.protocol.Tail;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * What can happen next in a state of the cluster. Each step of a node calls the decisions of the
 * product; the model only carries them out. A node that does nothing for any length of time is
 * paused, a message that is never delivered is lost, and whatever is delivered late is delayed: all
 * of that is simply an order of steps.
 *
 * <p>An acknowledgement is delivered at once or never, unless the bounds let it travel: that it
 * arrives late is the same as a primary that looks at it late, which is a step of its own.
 */
final class ClusterModel {
  /** Takes the states that can come next. */
  interface Next {
    void step(World world, String label);
  }

  private static final Role[] ROLES = Role.values();

  private static final int ACK = 1 << 18;
  private static final int ANNOUNCE = 1 << 19;

  private static final int ACQUIRE = 1;
  private static final int CHANGE = 2;
  private static final int RELEASE = 3;

  private final Bounds bounds;
  private final Rules rules;
  private final Records records;

  /** What was seen to happen, at least once. */
  final TreeSet<String> reached = new TreeSet<>();

  /** By record and proposed record; where the history stands does not matter for it. */
  private final Map<Long, CommitRule> ruleCache = new HashMap<>();

  private boolean tracing;
  private Next next;

  ClusterModel(Bounds bounds, Rules rules) {
    this.bounds = bounds;
    this.rules = rules;
    this.records = new Records(CommitMode.SYNC, bounds.minInSync());
  }

  Bounds bounds() {
    return bounds;
  }

  /** Node 0 is primary in epoch 1; the first nodes are members; nothing was committed. */
  World start() {
    World w = new World();
    int members = 0;
    for (int node = 0; node < bounds.members(); node++) {
      members |= Records.memberCode(0, 0) << (12 + 4 * node);
    }
    int record = 1 | 1 << 4 | members;
    for (int node = 0; node < bounds.nodes(); node++) {
      w.set(node, ROLE, (node == 0 ? Role.PRIMARY : Role.FOLLOWING).ordinal());
      w.set(node, EPOCH, 1);
      w.set(node, NONCE, owner(0, 0));
      w.set(node, SEEN, 1);
      w.set(node, SHOWN, 1);
    }
    w.set(0, RECORD, record);
    w.f[STORE_RECORD] = record;
    w.f[STORE_OWNER] = owner(0, 0);
    w.f[PRIMARY_OF + 1] = owner(0, 0);
    w.f[CRASHES] = bounds.crashes();
    w.f[DISK_LOSSES] = bounds.diskLosses();
    w.f[RESTORES] = bounds.restores();
    w.f[HANDOFFS] = bounds.handoffs();
    return w;
  }

  // ------------------------------------------------------------------ steps

  /**
   * @throws Violation if a step breaks a promise
   */
  void expand(World w, boolean trace, Next to) {
    tracing = trace;
    next = to;
    for (int node = 0; node < bounds.nodes(); node++) {
      primarySteps(w, node);
      followerSteps(w, node);
      faults(w, node);
      read(w, node);
    }
    messages(w);
    store(w);
  }

  private void emit(World w, String label) {
    forgetWhatCannotMatter(w);
    try {
      check(w);
    } catch (Violation violation) {
      throw new Violation(label + ": " + violation.getMessage());
    }
    next.step(w, label);
  }

  /** What would be refused or ignored from now on, whatever happens, is as good as lost. */
  private void forgetWhatCannotMatter(World w) {
    for (int i = 0; i < MESSAGES; i++) {
      int head = w.f[MESSAGE + 2 * i];
      boolean log = head != 0 && (head & ACK) == 0;
      if (log && !wouldChange(w, head, w.f[MESSAGE + 2 * i + 1])) {
        w.f[MESSAGE + 2 * i] = 0;
        w.f[MESSAGE + 2 * i + 1] = 0;
      }
    }
    for (int i = 0; i < REQUESTS; i++) {
      int number = w.f[REQUEST + 2 * i + 1];
      boolean late = Records.version(w.f[STORE_RECORD]) >= Records.version(number);
      if (number != 0 && late && !rules.storeCarriesOut(false, true)) {
        w.f[REQUEST + 2 * i] = 0;
        w.f[REQUEST + 2 * i + 1] = 0;
      }
    }
  }

  private String label(String what) {
    return tracing ? what : "";
  }

  private static Role role(World w, int node) {
    return ROLES[w.get(node, ROLE)];
  }

  private void event(World w, int node, RoleEvent event) {
    Role from = role(w, node);
    w.set(node, ROLE, RoleMachine.next(from, event).to().ordinal());
    if (RoleMachine.mayCommit(from) && !RoleMachine.mayCommit(role(w, node))) {
      leave(w, node);
    }
  }

  /** What a process that was primary forgets; programs that waited are told: in doubt. */
  private static void leave(World w, int node) {
    for (int i = 0; i < CONTENTS; i++) {
      if (w.f[STATUS + i] == WAITS + node) {
        w.f[STATUS + i] = IN_DOUBT;
      }
    }
    for (int field : new int[] {INHERITED, RECORD, PROPOSED, RELEASING, ABORTING}) {
      w.set(node, field, 0);
    }
    for (int other = 0; other < NODES; other++) {
      w.set(node, ACKS + other, 0);
    }
  }

  private ClusterRecord record(World w, int number) {
    return records.toRecord(number, w.f[HISTORY]);
  }

  private Tail tail(World w, int node) {
    return new Tail(w.get(node, INHERITED), w.get(node, COMMIT));
  }

  private Map<String, LogPoint> committed(World w, int node) {
    int length = w.get(node, COMMIT);
    return length == 0
        ? Map.of()
        : Map.of(Records.DATABASE, records.point(w.get(node, LOG), length));
  }

  private CommitRule rule(World w, int node) {
    int record = w.get(node, RECORD);
    int proposed = w.get(node, PROPOSED);
    return ruleCache.computeIfAbsent(
        (long) proposed << 32 | record,
        key -> rules.rule(record(w, record), proposed == 0 ? null : record(w, proposed)));
  }

  private CommitRule.Acks acks(World w, int node) {
    return nodeId -> {
      int ack = w.get(node, ACKS + (int) nodeId - 1);
      return ack == 0
          ? null
          : new MemberAck(
              records.toMember((int) nodeId - 1, ack >> 4 & 15), ack >> 1 & 7, ack >> 8);
    };
  }

  private static int ack(int epoch, int code, int length) {
    return 1 | epoch << 1 | code << 4 | length << 8;
  }

  private static int code(World w, int node) {
    return Records.memberCode(w.get(node, INCARNATION), w.get(node, TOKEN));
  }

  private Member self(World w, int node) {
    return records.toMember(node, code(w, node));
  }

  /** Up to where the log is on disk. */
  private static int durable(World w, int node) {
    return common(w.get(node, LOG), w.get(node, DISK_LOG));
  }

  // ---------------------------------------------------------------- primary

  private void primarySteps(World w, int node) {
    Role role = role(w, node);
    if (role == Role.FENCING) {
      fence(w, node);
    }
    if (!RoleMachine.mayCommit(role)) {
      return;
    }
    if (RoleMachine.mayAppend(role)) {
      appendContent(w, node);
      abort(w, node);
      handoff(w, node);
    }
    commit(w, node);
    finishAbort(w, node);
    for (int other = 0; other < bounds.nodes(); other++) {
      if (other != node) {
        send(w, node, other);
        changeSet(w, node, other);
      }
    }
    refresh(w, node);
  }

  private void appendContent(World w, int node) {
    int content = 0;
    while (content < bounds.contents() && w.f[STATUS + content] != UNUSED) {
      content++;
    }
    int record = w.get(node, RECORD);
    int log = w.get(node, LOG);
    // Writers are held until the new epoch is taken.
    boolean held = w.get(node, ABORTING) != 0 && w.get(node, PROPOSED) != 0;
    if (content == bounds.contents() || held || !rule(w, node).hasEnoughMembers()) {
      return;
    }
    World to = w.copy();
    int epoch = Records.epoch(record);
    int at = length(log);
    int entry = epoch * 8 + content;
    if ((to.f[APPENDED + epoch] >>> (8 * at) & 0xff) != 0) {
      throw new Violation("TXID " + (at + 1) + " of epoch " + epoch + " gets a second content");
    }
    if (to.f[PRIMARY_OF + epoch] != owner(node, w.get(node, PROCESS))) {
      throw new Violation("a second primary appends in epoch " + epoch);
    }
    to.f[APPENDED + epoch] |= entry << (8 * at);
    to.f[STATUS + content] = WAITS + node;
    write(to, node, append(log, entry));
    emit(to, label("n" + node + " appends " + (char) ('a' + content) + " in epoch " + epoch));
  }

  /** Without crashes nobody can tell what is on disk from what is not. */
  private void write(World w, int node, int log) {
    w.set(node, LOG, log);
    if (bounds.crashes() == 0) {
      w.set(node, DISK_LOG, log);
      w.set(node, DISK_COMMIT, w.get(node, COMMIT));
    }
  }

  private void commit(World w, int node) {
    int before = w.get(node, COMMIT);
    long after = rules.committed(rule(w, node), before, durable(w, node), acks(w, node));
    if (after <= before) {
      return;
    }
    World to = w.copy();
    setCommitted(to, node, (int) after);
    checkCopies(to, node, (int) after);
    for (int txid = before + 1; txid <= after; txid++) {
      int status = STATUS + (entry(w.get(node, LOG), txid) & 7);
      if (to.f[status] == WAITS + node) {
        to.f[status] = ACKNOWLEDGED;
      }
    }
    settle(to, node);
    emit(to, label("n" + node + " commits up to " + after));
  }

  /** The observer: whatever any node takes for committed is one history. */
  private void setCommitted(World w, int node, int length) {
    int log = prefix(w.get(node, LOG), length);
    if (!isPrefix(log, w.f[HISTORY]) && !isPrefix(w.f[HISTORY], log)) {
      throw new Violation(
          "n" + node + " commits " + text(log) + ", but committed was " + text(w.f[HISTORY]));
    }
    if (length > length(w.f[HISTORY])) {
      w.f[HISTORY] = log;
    }
    w.set(node, COMMIT, length);
    if (bounds.crashes() == 0) {
      w.set(node, DISK_COMMIT, length);
    }
    for (int txid = 1; txid <= length; txid++) {
      if (w.f[STATUS + (entry(log, txid) & 7)] == ABORTED) {
        throw new Violation("a transaction that was reported as aborted is committed");
      }
    }
    if (length > 1 && entry(log, 1) >> 3 != entry(log, length) >> 3) {
      reached.add("committed in two epochs");
    }
  }

  /** Without lost disks, what is committed is on as many of them as was promised. */
  private void checkCopies(World w, int node, int length) {
    int copies = 0;
    for (int other = 0; other < bounds.nodes(); other++) {
      copies += isPrefix(prefix(w.get(node, LOG), length), w.get(other, DISK_LOG)) ? 1 : 0;
    }
    if (copies < bounds.minInSync() && bounds.diskLosses() == 0 && bounds.restores() == 0) {
      throw new Violation(
          "n"
              + node
              + " commits what is on "
              + copies
              + " disks, promised were "
              + bounds.minInSync());
    }
  }

  private void settle(World w, int node) {
    if (role(w, node) == Role.SETTLING && rules.isSettled(tail(w, node))) {
      event(w, node, RoleEvent.SETTLED);
    }
    if (role(w, node) == Role.PRIMARY || role(w, node) == Role.HOLDING) {
      w.set(node, SHOWN, Math.max(w.get(node, SHOWN), (int) rules.shown(tail(w, node)) + 1));
    }
  }

  /**
   * First the epoch; when the other node has promised it and said what it has, any part of the log
   * that continues what both have.
   */
  private void send(World w, int node, int other) {
    int record = w.get(node, RECORD);
    int log = w.get(node, LOG);
    int head =
        node
            | other << 2
            | Records.epoch(record) << 4
            | Records.version(record) << 10
            | w.get(node, PROCESS) << 14
            | 1 << 17;
    if (wouldChange(w, head | ANNOUNCE, 0)) {
      put(w, head | ANNOUNCE, 0, "n" + node + " announces its epoch to n" + other);
    }
    boolean promised = hasPromised(w, head) || rules.comparesLogsBeforePromise();
    if (!promised || isGreetedBadly(w, node, other, record)) {
      return;
    }
    int full = head | (int) (rules.announced(tail(w, node)) + 1) << 7;
    for (int to = common(log, w.get(other, LOG)); to <= length(log); to++) {
      int part = prefix(log, to);
      if (wouldChange(w, full, part)) {
        put(w, full, part, "n" + node + " sends its log " + text(part) + " to n" + other);
      }
    }
  }

  private static boolean hasPromised(World w, int head) {
    int other = head >> 2 & 3;
    return w.get(other, EPOCH) == (head >> 4 & 7) && w.get(other, LEADER) == (head & 3) + 1;
  }

  /** A stream begins only with a member that has what members have. */
  private boolean isGreetedBadly(World w, int node, int other, int record) {
    if (w.get(other, MATCHED) != 0 && w.get(other, EPOCH) == Records.epoch(record)) {
      return false;
    }
    int ack = w.get(node, ACKS + other);
    boolean ofThis =
        ack != 0 && (ack >> 4 & 15) == code(w, other) && (ack >> 1 & 7) == Records.epoch(record);
    int has = common(w.get(node, LOG), prefix(w.get(other, LOG), durable(w, other)));
    return rules
            .greeting(
                record(w, record),
                self(w, other),
                Map.of(
                    Records.DATABASE,
                    new SetChange.Greeting(has, ofThis ? ack >> 8 : 0, w.get(node, COMMIT))))
            .kind()
        != SetChange.Kind.NONE;
  }

  private FollowRule.Kind judge(World w, int node, int head) {
    long nonce = w.get(node, NONCE) == 0 ? 0 : 1000 + w.get(node, NONCE);
    return rules
        .follow(
            new FollowRule.Promise(Records.CLUSTER, w.get(node, EPOCH), nonce, w.get(node, SEEN)),
            new FollowRule.Sender(
                Records.CLUSTER,
                head >> 4 & 7,
                Records.nonce(head & 3, head >> 14 & 7),
                head >> 10 & 15))
        .kind();
  }

  /** Whether its receiver would not refuse or ignore a message, now and from now on. */
  private boolean wouldChange(World w, int head, int log) {
    int other = head >> 2 & 3;
    if (judge(w, other, head) == FollowRule.Kind.REFUSE) {
      return false;
    }
    boolean promised = hasPromised(w, head);
    if ((head & ANNOUNCE) != 0) {
      return !promised;
    }
    boolean known = isPrefix(log, w.get(other, LOG)) && w.get(other, HEARD) >= (head >> 7 & 7);
    return !(promised && w.get(other, MATCHED) != 0 && known);
  }

  private void fence(World w, int node) {
    int number = w.get(node, RECORD);
    ClusterRecord record = record(w, number);
    World to = w.copy();
    if (rules.readsLogEndBeforeFencing() && w.get(node, INHERITED) == 0) {
      to.set(node, INHERITED, length(w.get(node, LOG)) + 1);
      emit(to, label("n" + node + " reads the end of its log before it fences"));
      return;
    }
    Fencing.Step step = rules.fencing(record, to.get(node, EPOCH));
    if (step.kind() == Fencing.Kind.MAKE_EPOCH_DURABLE) {
      to.set(node, EPOCH, Records.epoch(number));
      to.set(node, NONCE, owner(node, w.get(node, PROCESS)));
      to.set(node, MATCHED, 0);
      to.set(node, LEADER, 0);
      step = rules.fencing(record, to.get(node, EPOCH));
    }
    if (step.kind() == Fencing.Kind.STEP_DOWN) {
      event(to, node, RoleEvent.SUPERSEDED);
      leave(to, node);
      emit(to, label("n" + node + " steps down: " + step.reason()));
      return;
    }
    if (rules.readsLogEndBeforeFencing()) {
      write(to, node, prefix(w.get(node, LOG), w.get(node, INHERITED) - 1));
    }
    to.set(node, INHERITED, length(to.get(node, LOG)));
    // One that was replaced meanwhile may go on; it just never gets an acknowledgement.
    boolean newest = Records.epoch(number) == newestEpoch(to);
    if (newest && !isPrefix(to.f[HISTORY], to.get(node, LOG))) {
      throw new Violation(
          "n"
              + node
              + " becomes primary with "
              + text(to.get(node, LOG))
              + ", but committed was "
              + text(to.f[HISTORY]));
    }
    event(to, node, RoleEvent.FENCED);
    settle(to, node);
    reached.add("a second primary");
    emit(to, label("n" + node + " is fenced in epoch " + Records.epoch(number)));
  }

  private boolean hasRoom(World w, int record) {
    return Records.version(record) < bounds.versions();
  }

  private void changeSet(World w, int node, int other) {
    int number = w.get(node, RECORD);
    if (!bounds.setChanges() || !hasRoom(w, number) || w.get(node, PROPOSED) != 0) {
      return;
    }
    ClusterRecord record = record(w, number);
    int ack = w.get(node, ACKS + other);
    SetChange.Verdict verdict;
    if (record.member(other + 1) == null) {
      if (ack == 0) {
        return;
      }
      MemberAck known = acks(w, node).of(other + 1);
      boolean drawn = known.member().token() > known.member().incarnation();
      if (bounds.oldVolumes() && !drawn && rules.asksWithNewToken()) {
        return;
      }
      verdict =
          rules.add(
              record,
              new SetChange.Asking(
                  known.member(),
                  null,
                  false,
                  Map.of(Records.DATABASE, new SetChange.Lane(tail(w, node), known))),
              false);
    } else {
      verdict = rules.remove(record, other + 1, false);
    }
    if (verdict.kind() == SetChange.Kind.CHANGE) {
      ClusterRecord changed = NextRecord.withMembers(record, verdict.members(), committed(w, node));
      World to = w.copy();
      reached.add(record.member(other + 1) == null ? "a node was added" : "a node was removed");
      propose(to, node, CHANGE, changed, "n" + node + " changes the set: " + verdict.reason());
    }
  }

  private void abort(World w, int node) {
    int number = w.get(node, RECORD);
    if (!bounds.aborts()
        || Records.epoch(number) >= bounds.epochs()
        || !hasRoom(w, number)
        || w.get(node, PROPOSED) != 0
        || w.get(node, ABORTING) != 0) {
      return;
    }
    Tail tail = tail(w, node);
    int log = w.get(node, LOG);
    int txid = length(log);
    if (txid <= tail.committed()) {
      return;
    }
    ClusterRecord record = record(w, number);
    InDoubt.Step step =
        rules.inDoubt(
            new InDoubt.Pending(txid, entry(log, txid) >> 3, true, false),
            tail,
            Records.epoch(number),
            rule(w, node),
            acks(w, node));
    if (step.kind() != InDoubt.Kind.TAKE_EPOCH) {
      return;
    }
    World to = w.copy();
    int content = entry(log, txid) & 7;
    to.f[STATUS + content] = IN_DOUBT;
    to.set(node, ABORTING, content + 1);
    if (!rules.takesNewEpochToAbort()) {
      write(to, node, prefix(log, (int) rules.cut(tail)));
      to.set(node, ABORTING, 0);
      emit(to, label("n" + node + " cuts without a new epoch"));
      return;
    }
    propose(
        to,
        node,
        CHANGE,
        rules.withNewEpoch(record),
        "n" + node + " declares " + (char) ('a' + content) + " in doubt and takes a new epoch");
  }

  private void finishAbort(World w, int node) {
    int content = w.get(node, ABORTING) - 1;
    if (content < 0 || w.get(node, PROPOSED) != 0) {
      return;
    }
    int log = w.get(node, LOG);
    int number = w.get(node, RECORD);
    InDoubt.Step step =
        rules.inDoubt(
            new InDoubt.Pending(
                length(log) + 1, 0, true, !contains(w.get(node, DISK_LOG), content)),
            tail(w, node),
            Records.epoch(number),
            rule(w, node),
            acks(w, node));
    if (step.kind() == InDoubt.Kind.ABORTED) {
      World to = w.copy();
      if (contains(w.f[HISTORY], content)) {
        throw new Violation("a committed transaction is reported as aborted");
      }
      to.f[STATUS + content] = ABORTED;
      to.set(node, ABORTING, 0);
      reached.add("an abort became final");
      emit(to, label("n" + node + " reports " + (char) ('a' + content) + " as aborted"));
    }
  }

  private void handoff(World w, int node) {
    int number = w.get(node, RECORD);
    if (w.f[HANDOFFS] == 0 || w.get(node, PROPOSED) != 0 || !hasRoom(w, number)) {
      return;
    }
    for (int other = 0; other < bounds.nodes(); other++) {
      int member = Records.member(number, other);
      int ack = w.get(node, ACKS + other);
      boolean drained =
          w.get(node, COMMIT) == length(w.get(node, LOG)) && ack >> 8 == w.get(node, COMMIT);
      if (other == node || member == 0 || ack == 0) {
        continue;
      }
      World to = w.copy();
      event(to, node, RoleEvent.HANDOFF);
      Handoff.Step step =
          Handoff.next(new Handoff.State(null, true, drained, false, Handoff.Release.NOT_SENT));
      if (step.kind() == Handoff.Kind.RELEASE) {
        to.f[HANDOFFS]--;
        to.set(node, RELEASING, 1);
        propose(
            to,
            node,
            RELEASE,
            NextRecord.handedOver(
                record(w, number), new Successor(other + 1, 100, 1000), committed(w, node)),
            "n" + node + " hands over to n" + other);
      }
    }
  }

  /** The same record with the next version, to make sure that an earlier change is void. */
  private void refresh(World w, int node) {
    int number = w.get(node, RECORD);
    if (!bounds.slowStore()
        || w.get(node, PROPOSED) == 0
        || !hasRoom(w, number)
        || w.f[STORE_RECORD] != number) {
      return;
    }
    World to = w.copy();
    int refreshed = records.toNumber(NextRecord.refreshed(record(w, number), committed(w, node)));
    if (request(to, node, CHANGE, refreshed)) {
      emit(to, label("n" + node + " asks for the same record again, to void its change"));
    }
  }

  // --------------------------------------------------------------- follower

  private void followerSteps(World w, int node) {
    if (bounds.crashes() > 0
        && (w.get(node, LOG) != w.get(node, DISK_LOG)
            || w.get(node, COMMIT) != w.get(node, DISK_COMMIT))) {
      World to = w.copy();
      to.set(node, DISK_LOG, w.get(node, LOG));
      to.set(node, DISK_COMMIT, w.get(node, COMMIT));
      show(to, node);
      emit(to, label("n" + node + " syncs"));
    }
    if (!RoleMachine.mayCommit(role(w, node))) {
      acknowledge(w, node);
    }
    if (role(w, node) == Role.FOLLOWING) {
      acquire(w, node);
      drawToken(w, node);
    }
  }

  /**
   * A node that hears that it is no member draws a new token, to be admitted with. It is random; so
   * that the model needs no second one, a node whose disk went back draws none any more.
   */
  private void drawToken(World w, int node) {
    int leader = w.get(node, LEADER) - 1;
    if (bounds.oldVolumes()
        && w.f[RESTORES] > 0
        && leader >= 0
        && w.get(node, TOKEN) == w.get(node, INCARNATION)
        && RoleMachine.mayCommit(role(w, leader))
        && Records.member(w.get(leader, RECORD), node) == 0
        && w.get(leader, PROPOSED) == 0) {
      World to = w.copy();
      to.set(node, TOKEN, w.get(node, TOKEN) + 1);
      emit(to, label("n" + node + " draws a new token"));
    }
  }

  /** Shows as much as a follower may. */
  private void show(World w, int node) {
    if (w.get(node, MATCHED) == 0 || RoleMachine.mayCommit(role(w, node))) {
      return;
    }
    int durable = rules.appliesBeforeDurable() ? length(w.get(node, LOG)) : durable(w, node);
    long shown =
        rules.following(
            w.get(node, SHOWN) - 1, w.get(node, FIRST) - 1, w.get(node, HEARD) - 1, durable);
    w.set(node, SHOWN, (int) shown + 1);
  }

  private void acknowledge(World w, int node) {
    int leader = w.get(node, LEADER) - 1;
    boolean onDisk = w.get(node, LOG) == w.get(node, DISK_LOG);
    if (w.get(node, MATCHED) == 0
        || leader < 0
        || !(onDisk || rules.acknowledgesBeforeSync())
        || owner(leader, w.get(leader, PROCESS)) != w.get(node, NONCE)
        || !RoleMachine.mayCommit(role(w, leader))) {
      return;
    }
    int ack = ack(w.get(node, EPOCH), code(w, node), length(w.get(node, LOG)));
    if (w.get(leader, ACKS + node) == ack) {
      return;
    }
    World to = w.copy();
    if (bounds.ackMessages()) {
      int head = node | leader << 2 | w.get(leader, PROCESS) << 14 | 1 << 17 | ACK;
      put(w, head, ack, "n" + node + " sends an acknowledgement of " + (ack >> 8));
    } else if (takeAck(to, leader, node, ack)) {
      emit(to, label("n" + node + " acknowledges " + (ack >> 8) + " to n" + leader));
    }
  }

  private boolean takeAck(World w, int leader, int node, int ack) {
    int epoch = Records.epoch(w.get(leader, RECORD));
    boolean counts = (ack >> 1 & 7) == epoch || rules.keepsAcksOfOtherEpochs();
    int known = w.get(leader, ACKS + node);
    boolean same = (known & 0xff) == (ack & 0xff);
    if (!counts || (same && known >= ack)) {
      return false;
    }
    w.set(leader, ACKS + node, ack);
    return true;
  }

  private void acquire(World w, int node) {
    int number = w.f[STORE_RECORD];
    if (w.get(node, PROPOSED) != 0
        || (number != 0 && (!hasRoom(w, number) || Records.epoch(number) >= bounds.epochs()))) {
      return;
    }
    ClusterRecord record = record(w, number);
    int disk = w.get(node, DISK_LOG);
    Eligibility.Candidate candidate =
        new Eligibility.Candidate(
            node + 1,
            Records.CLUSTER,
            100 + w.get(node, INCARNATION),
            100 + w.get(node, TOKEN),
            w.get(node, SEEN),
            w.get(node, EPOCH),
            disk == 0
                ? Map.of()
                : Map.of(
                    Records.DATABASE,
                    new Eligibility.Database(
                        records.point(disk, length(disk)),
                        txid -> records.point(disk, (int) txid),
                        null)),
            false);
    Eligibility.Verdict verdict = rules.eligibility(record, candidate);
    if (verdict.kind() == Eligibility.Kind.OPERATOR) {
      reached.add("an operator was asked for");
    }
    if (verdict.kind() != Eligibility.Kind.ACQUIRE) {
      return;
    }
    World to = w.copy();
    event(to, node, RoleEvent.ELIGIBLE);
    to.set(node, SEEN, Math.max(to.get(node, SEEN), Records.version(number)));
    ClusterRecord next =
        rules.acquired(
            record,
            new Primary(node + 1, Records.nonce(node, w.get(node, PROCESS)), "http://n"),
            w.get(node, EPOCH));
    propose(to, node, ACQUIRE, next, "n" + node + " asks for the lease");
  }

  // ------------------------------------------------------------------ store

  private void propose(World w, int node, int kind, ClusterRecord next, String what) {
    int number = records.toNumber(next);
    w.set(node, PROPOSED, number);
    if (request(w, node, kind, number)) {
      if (!bounds.slowStore()) {
        int at = indexOf(w, head(w, node, kind), number);
        carryOut(w, at);
        if (!readInto(w, node)) {
          throw new IllegalStateException("a store that answers at once tells nothing");
        }
      }
      emit(w, label(what));
    }
  }

  private static int head(World w, int node, int kind) {
    return node | 4 | kind << 3 | w.get(node, PROCESS) << 5;
  }

  private static int indexOf(World w, int head, int number) {
    for (int i = 0; i < REQUESTS; i++) {
      if (w.f[REQUEST + 2 * i] == head && w.f[REQUEST + 2 * i + 1] == number) {
        return i;
      }
    }
    return -1;
  }

  private static boolean request(World w, int node, int kind, int number) {
    int head = head(w, node, kind);
    if (indexOf(w, head, number) >= 0) {
      return false;
    }
    for (int i = 0; i < REQUESTS; i++) {
      if (w.f[REQUEST + 2 * i] == 0) {
        w.f[REQUEST + 2 * i] = head;
        w.f[REQUEST + 2 * i + 1] = number;
        return true;
      }
    }
    return false;
  }

  private void store(World w) {
    for (int i = 0; i < REQUESTS; i++) {
      if (w.f[REQUEST + 2 * i] != 0) {
        World to = w.copy();
        boolean done = carryOut(to, i);
        emit(to, label("the store " + (done ? "carries out" : "refuses") + " request " + i));
      }
    }
    int backup = w.f[STORE_BACKUP];
    if (bounds.storeBackup() && backup == 0) {
      World to = w.copy();
      to.f[STORE_BACKUP] = w.f[STORE_RECORD];
      emit(to, label("the store is backed up"));
    }
    // The promise rests on members that know better; nobody else could.
    if (bounds.storeBackup()
        && backup != 0
        && w.f[RESTORES] > 0
        && allMembersKnowBetter(w, backup)) {
      World to = w.copy();
      to.f[RESTORES]--;
      to.f[STORE_RECORD] = backup;
      to.f[STORE_OWNER] = 0;
      for (int i = 0; i < 2 * REQUESTS; i++) {
        to.f[REQUEST + i] = 0;
      }
      emit(to, label("the store is restored from the backup"));
    }
  }

  private boolean allMembersKnowBetter(World w, int backup) {
    for (int node = 0; node < bounds.nodes(); node++) {
      boolean knows =
          w.get(node, SEEN) > Records.version(backup) || w.get(node, EPOCH) > Records.epoch(backup);
      if (Records.member(backup, node) != 0 && !knows) {
        return false;
      }
    }
    return true;
  }

  private boolean carryOut(World w, int i) {
    int head = w.f[REQUEST + 2 * i];
    int number = w.f[REQUEST + 2 * i + 1];
    w.f[REQUEST + 2 * i] = 0;
    w.f[REQUEST + 2 * i + 1] = 0;
    int node = head & 3;
    int kind = head >> 3 & 3;
    int sender = owner(node, head >> 5);
    boolean sameVersion = Records.version(w.f[STORE_RECORD]) == Records.version(number) - 1;
    // A lease may expire at any time, so also right before somebody else asks for it.
    boolean sameOwner = kind == ACQUIRE || w.f[STORE_OWNER] == sender;
    if (kind == ACQUIRE
        ? !(sameVersion && sameOwner)
        : !rules.storeCarriesOut(sameVersion, sameOwner)) {
      return false;
    }
    int before = Records.epoch(w.f[STORE_RECORD]);
    int epoch = Records.epoch(number);
    if (epoch < before || (kind == ACQUIRE && epoch == before)) {
      throw new Violation("the record goes from epoch " + before + " to " + epoch);
    }
    if (epoch > before) {
      if (w.f[PRIMARY_OF + epoch] != 0) {
        throw new Violation("epoch " + epoch + " is taken twice");
      }
      w.f[PRIMARY_OF + epoch] = sender;
    }
    w.f[STORE_RECORD] = number;
    w.f[STORE_OWNER] = kind == RELEASE ? 0 : sender;
    return true;
  }

  private void read(World w, int node) {
    if (role(w, node) == Role.FOLLOWING || role(w, node) == Role.FENCING) {
      return;
    }
    World to = w.copy();
    if (readInto(to, node) && !to.equals(w)) {
      emit(to, label("n" + node + " reads the record, and is " + role(to, node)));
    }
  }

  /**
   * @return whether the read told anything
   */
  private boolean readInto(World w, int node) {
    int read = w.f[STORE_RECORD];
    int proposed = w.get(node, PROPOSED);
    boolean owned = w.f[STORE_OWNER] == owner(node, w.get(node, PROCESS));
    w.set(node, SEEN, Math.max(w.get(node, SEEN), Records.version(read)));
    if (role(w, node) == Role.ACQUIRING) {
      if (owned && read == proposed) {
        event(w, node, RoleEvent.ACQUIRED);
        w.set(node, RECORD, read);
        w.set(node, PROPOSED, 0);
      } else if (read == 0 || Records.version(read) >= Records.version(proposed)) {
        event(w, node, RoleEvent.NOT_ACQUIRED);
        w.set(node, PROPOSED, 0);
      }
      return true;
    }
    if (proposed == 0) {
      if (!owned || read != w.get(node, RECORD)) {
        event(w, node, RoleEvent.SUPERSEDED);
      }
      return true;
    }
    if (w.get(node, RELEASING) != 0 && read == proposed && w.f[STORE_OWNER] == 0) {
      event(w, node, RoleEvent.HANDED_OVER);
      reached.add("handed over");
      return true;
    }
    SetChange.Outcome outcome =
        rules.outcome(record(w, w.get(node, RECORD)), record(w, proposed), record(w, read), owned);
    switch (outcome) {
      case LOST -> event(w, node, RoleEvent.SUPERSEDED);
      case DONE, VOID -> changed(w, node, read);
      case OPEN -> {
        return bounds.slowStore();
      }
    }
    return true;
  }

  private void changed(World w, int node, int read) {
    int before = w.get(node, RECORD);
    w.set(node, RECORD, read);
    w.set(node, PROPOSED, 0);
    if (w.get(node, RELEASING) != 0) {
      w.set(node, RELEASING, 0);
      event(w, node, RoleEvent.RESUMED);
    }
    if (Records.epoch(read) == Records.epoch(before)) {
      if (contains(w.get(node, LOG), w.get(node, ABORTING) - 1)) {
        // The new epoch was not taken: what is in doubt is waited for again.
        w.set(node, ABORTING, 0);
      }
      return;
    }
    Tail tail = tail(w, node);
    int cut = prefix(w.get(node, LOG), (int) rules.cut(tail));
    write(w, node, cut);
    if (contains(cut, w.get(node, ABORTING) - 1)) {
      w.set(node, ABORTING, 0);
    }
    w.set(node, EPOCH, Records.epoch(read));
    w.set(node, NONCE, owner(node, w.get(node, PROCESS)));
    w.set(node, INHERITED, length(cut));
    if (!rules.keepsAcksOfOtherEpochs()) {
      for (int other = 0; other < NODES; other++) {
        w.set(node, ACKS + other, 0);
      }
    }
    event(w, node, RoleEvent.NEW_EPOCH);
    settle(w, node);
    // All that was cut and is not the one that is watched stays in doubt.
    for (int i = 0; i < CONTENTS; i++) {
      if (w.f[STATUS + i] == WAITS + node && !contains(cut, i)) {
        w.f[STATUS + i] = IN_DOUBT;
      }
    }
  }

  private static boolean contains(int log, int content) {
    for (int txid = 1; txid <= length(log); txid++) {
      if ((entry(log, txid) & 7) == content) {
        return true;
      }
    }
    return false;
  }

  // --------------------------------------------------------------- messages

  private static int countMessages(World w) {
    int count = 0;
    for (int i = 0; i < MESSAGES; i++) {
      count += w.f[MESSAGE + 2 * i] != 0 ? 1 : 0;
    }
    return count;
  }

  private static boolean holds(World w, int head, int body) {
    for (int i = 0; i < MESSAGES; i++) {
      if (w.f[MESSAGE + 2 * i] == head && w.f[MESSAGE + 2 * i + 1] == body) {
        return true;
      }
    }
    return false;
  }

  /** If as many are on their way as the bounds allow, one of them is lost: any. */
  private void put(World w, int head, int body, String what) {
    if (holds(w, head, body)) {
      return;
    }
    boolean full = countMessages(w) >= bounds.messages();
    for (int i = 0; i < MESSAGES; i++) {
      if ((w.f[MESSAGE + 2 * i] != 0) == full) {
        World to = w.copy();
        to.f[MESSAGE + 2 * i] = head;
        to.f[MESSAGE + 2 * i + 1] = body;
        emit(to, label(what));
        if (!full) {
          return;
        }
      }
    }
  }

  private void messages(World w) {
    for (int i = 0; i < MESSAGES; i++) {
      int head = w.f[MESSAGE + 2 * i];
      if (head != 0) {
        World to = w.copy();
        to.f[MESSAGE + 2 * i] = 0;
        to.f[MESSAGE + 2 * i + 1] = 0;
        if (deliver(to, head, w.f[MESSAGE + 2 * i + 1])) {
          emit(to, label("n" + (head >> 2 & 3) + " gets a message of n" + (head & 3)));
        }
      }
    }
  }

  private boolean deliver(World w, int head, int body) {
    int from = head & 3;
    int to = head >> 2 & 3;
    if ((head & ACK) != 0) {
      return w.get(to, PROCESS) == (head >> 14 & 7)
          && RoleMachine.mayCommit(role(w, to))
          && takeAck(w, to, from, body);
    }
    int epoch = head >> 4 & 7;
    int nonce = owner(from, head >> 14 & 7);
    int version = head >> 10 & 15;
    if (judge(w, to, head) == FollowRule.Kind.REFUSE) {
      return false;
    }
    if (!hasPromised(w, head)) {
      // Who has just acquired goes on with the primary before until it has fenced itself.
      if (epoch > Records.epoch(w.get(to, RECORD))
          && RoleMachine.isPossible(role(w, to), RoleEvent.SUPERSEDED)) {
        event(w, to, RoleEvent.SUPERSEDED);
        leave(w, to);
      }
      w.set(to, EPOCH, epoch);
      w.set(to, NONCE, nonce);
      w.set(to, MATCHED, 0);
      w.set(to, LEADER, from + 1);
    }
    w.set(to, SEEN, Math.max(w.get(to, SEEN), version));
    if ((head & ANNOUNCE) == 0) {
      take(w, to, body, head >> 7 & 7);
    }
    return true;
  }

  /** A part of the primary's log, from its beginning; what was cut or added is one step. */
  private void take(World w, int node, int log, int announced) {
    int own = w.get(node, LOG);
    boolean matched = w.get(node, MATCHED) != 0;
    if (matched && !isPrefix(own, log) && !isPrefix(log, own)) {
      throw new Violation("a log parts from that of the primary that it followed");
    }
    w.set(node, MATCHED, 1);
    if (announced > w.get(node, HEARD)) {
      w.set(node, HEARD, announced);
      if (w.get(node, FIRST) == 0) {
        w.set(node, FIRST, announced);
      }
    }
    int taken = matched && isPrefix(log, own) ? own : log;
    w.set(node, LOG, taken);
    w.set(
        node,
        COMMIT,
        Math.max(w.get(node, COMMIT), Math.min(w.get(node, HEARD) - 1, length(taken))));
    write(w, node, taken);
    show(w, node);
  }

  // ----------------------------------------------------------------- faults

  private void faults(World w, int node) {
    if (w.f[CRASHES] > 0) {
      crash(w, node, w.get(node, DISK_LOG), "n" + node + " crashes and restarts");
      if (w.get(node, LOG) != w.get(node, DISK_LOG)) {
        crash(w, node, w.get(node, LOG), "n" + node + " is killed and restarts");
      }
    }
    if (w.f[DISK_LOSSES] > 0) {
      World to = w.copy();
      to.f[DISK_LOSSES]--;
      restart(to, node);
      int process = to.get(node, PROCESS);
      int incarnation = to.get(node, INCARNATION) + 1;
      for (int i = 0; i < NODE_SIZE; i++) {
        to.set(node, i, 0);
      }
      to.set(node, ROLE, Role.FOLLOWING.ordinal());
      to.set(node, PROCESS, process);
      to.set(node, INCARNATION, incarnation);
      to.set(node, TOKEN, incarnation);
      to.set(node, SHOWN, 1);
      emit(to, label("n" + node + " loses its disk and starts empty"));
    }
    if (w.f[RESTORES] > 0 && !bounds.storeBackup()) {
      int disk = length(w.get(node, DISK_LOG));
      boolean readmitted = w.get(node, TOKEN) > w.get(node, INCARNATION);
      // The promises: a disk that goes back below the least position, or to before the node's last
      // admission, is noticed.
      int end =
          bounds.oldVolumes()
              ? (readmitted ? disk + 1 : 0)
              : Math.min(Records.least(w.f[STORE_RECORD]), disk);
      for (int length = 0; length < end; length++) {
        World to = w.copy();
        to.f[RESTORES]--;
        restart(to, node);
        int log = prefix(w.get(node, DISK_LOG), length);
        to.set(node, LOG, log);
        to.set(node, DISK_LOG, log);
        // What it had promised is lost as well; it reads the record before it follows anybody.
        FollowRule.Promise promise =
            rules.atStart(
                new FollowRule.Promise(Records.CLUSTER, 1, 0, 1), record(w, w.f[STORE_RECORD]));
        to.set(node, EPOCH, (int) promise.epoch());
        to.set(node, NONCE, promise.nonce() == 0 ? 0 : (int) promise.nonce() - 1000);
        to.set(node, SEEN, (int) promise.recordVersion());
        to.set(node, COMMIT, Math.min(length, w.get(node, DISK_COMMIT)));
        to.set(node, DISK_COMMIT, to.get(node, COMMIT));
        to.set(node, TOKEN, w.get(node, INCARNATION));
        to.set(node, LAST_SHOWN, 0);
        to.set(node, SHOWN, to.get(node, COMMIT) == length ? length + 1 : 0);
        emit(to, label("the disk of n" + node + " goes back to " + length + " transactions"));
      }
    }
  }

  private void crash(World w, int node, int log, String what) {
    World to = w.copy();
    to.f[CRASHES]--;
    restart(to, node);
    to.set(node, LOG, log);
    to.set(node, DISK_LOG, log);
    to.set(node, COMMIT, Math.min(w.get(node, DISK_COMMIT), length(log)));
    to.set(node, DISK_COMMIT, to.get(node, COMMIT));
    if (!rules.epochIsDurable()) {
      to.set(node, EPOCH, 1);
      to.set(node, NONCE, 0);
    }
    StartView.Verdict view =
        rules.start(record(w, w.f[STORE_RECORD]), to.get(node, COMMIT), length(log));
    to.set(node, SHOWN, view.shown() ? (int) view.upTo() + 1 : 0);
    emit(to, label(what));
  }

  /** A new process, which knows nothing, and none of whose connections is left. */
  private void restart(World w, int node) {
    leave(w, node);
    w.set(node, ROLE, Role.FOLLOWING.ordinal());
    w.set(node, PROCESS, w.get(node, PROCESS) + 1);
    for (int field : new int[] {MATCHED, LEADER, FIRST, HEARD}) {
      w.set(node, field, 0);
    }
    for (int i = 0; i < MESSAGES; i++) {
      int head = w.f[MESSAGE + 2 * i];
      if (head != 0 && (head >> 2 & 3) == node) {
        w.f[MESSAGE + 2 * i] = 0;
        w.f[MESSAGE + 2 * i + 1] = 0;
      }
    }
  }

  // ----------------------------------------------------------------- checks

  private void check(World w) {
    int history = w.f[HISTORY];
    for (int node = 0; node < bounds.nodes(); node++) {
      int shown = w.get(node, SHOWN) - 1;
      int log = w.get(node, LOG);
      if (shown >= 0) {
        if (shown > length(history)
            || prefix(log, shown) != prefix(history, shown)
            || shown > length(log)) {
          throw new Violation(
              "n"
                  + node
                  + " shows "
                  + shown
                  + " of "
                  + text(log)
                  + ", but committed is "
                  + text(history));
        }
        if (shown < w.get(node, LAST_SHOWN)) {
          throw new Violation(
              "n" + node + " showed " + w.get(node, LAST_SHOWN) + " transactions and now " + shown);
        }
        w.set(node, LAST_SHOWN, shown);
      }
      boolean newest =
          RoleMachine.mayCommit(role(w, node))
              && Records.epoch(w.get(node, RECORD)) == newestEpoch(w);
      if (newest && !isPrefix(history, log)) {
        throw new Violation(
            "primary n" + node + " has " + text(log) + ", but committed is " + text(history));
      }
    }
  }

  /** The greatest epoch that was ever taken; a store that was restored may not know it. */
  private static int newestEpoch(World w) {
    int epoch = EPOCHS - 1;
    while (w.f[PRIMARY_OF + epoch] == 0) {
      epoch--;
    }
    return epoch;
  }

  static String text(int log) {
    StringBuilder out = new StringBuilder("[");
    for (int txid = 1; txid <= length(log); txid++) {
      out.append(txid > 1 ? " " : "").append(entry(log, txid) >> 3);
      out.append((char) ('a' + (entry(log, txid) & 7)));
    }
    return out.append(']').toString();
  }

  /** For a trace: what the nodes and the store are at. */
  String describe(World w) {
    List<String> parts = new ArrayList<>();
    for (int node = 0; node < bounds.nodes(); node++) {
      parts.add(
          "n"
              + node
              + "="
              + role(w, node)
              + "/e"
              + w.get(node, EPOCH)
              + text(w.get(node, LOG))
              + (w.get(node, LOG) == w.get(node, DISK_LOG)
                  ? ""
                  : "disk" + text(w.get(node, DISK_LOG)))
              + " c"
              + w.get(node, COMMIT));
    }
    int record = w.f[STORE_RECORD];
    StringBuilder set = new StringBuilder();
    for (int node = 0; node < bounds.nodes(); node++) {
      set.append(Records.member(record, node) == 0 ? "" : "n" + node);
    }
    parts.add(
        "record v" + Records.version(record) + " e" + Records.epoch(record) + " {" + set + "}");
    parts.add("committed" + text(w.f[HISTORY]));
    return String.join("  ", parts);
  }
}
