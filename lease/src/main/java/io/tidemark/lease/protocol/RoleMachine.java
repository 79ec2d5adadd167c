package io.tidemark.lease.protocol;

import java.util.List;

/**
 * The roles of a node and everything that can change them, as data. What is not listed is an error
 * of this program.
 */
public final class RoleMachine {
  /**
   * @param reason why this is so; one sentence without a full stop
   */
  public record Transition(Role from, RoleEvent event, Role to, String reason) {}

  private static final List<Transition> TABLE =
      List.of(
          t(Role.STARTING, RoleEvent.RECOVERED, Role.FOLLOWING, "a start is never primary"),
          t(Role.STARTING, RoleEvent.STOP, Role.STOPPING, "nothing is served yet"),
          t(
              Role.FOLLOWING,
              RoleEvent.ELIGIBLE,
              Role.ACQUIRING,
              "nobody owns the lease and this node has all that was acknowledged"),
          t(
              Role.FOLLOWING,
              RoleEvent.OPERATOR_NEEDED,
              Role.WAITING_FOR_OPERATOR,
              "an older or missing record may name nodes that lack commits"),
          t(Role.FOLLOWING, RoleEvent.STOP, Role.STOPPING, "a follower hands nothing over"),
          t(
              Role.WAITING_FOR_OPERATOR,
              RoleEvent.RECORD_FITS,
              Role.FOLLOWING,
              "the record is one that this node can go on from"),
          t(Role.WAITING_FOR_OPERATOR, RoleEvent.STOP, Role.STOPPING, "nothing to hand over"),
          t(Role.ACQUIRING, RoleEvent.ACQUIRED, Role.FENCING, "the lease and the record are ours"),
          t(Role.ACQUIRING, RoleEvent.NOT_ACQUIRED, Role.FOLLOWING, "somebody else was first"),
          t(
              Role.ACQUIRING,
              RoleEvent.OPERATOR_NEEDED,
              Role.WAITING_FOR_OPERATOR,
              "the record went back while this node asked"),
          t(
              Role.ACQUIRING,
              RoleEvent.STOP,
              Role.STOPPING,
              "if the lease comes after all, it ends by itself"),
          t(
              Role.FENCING,
              RoleEvent.FENCED,
              Role.SETTLING,
              "the epoch before cannot commit any more, so the end of the log is the end"),
          t(Role.FENCING, RoleEvent.SUPERSEDED, Role.FOLLOWING, "a later epoch decides"),
          t(Role.FENCING, RoleEvent.DEADLINE, Role.DEADLINE_PASSED, "the lease may be gone"),
          t(Role.FENCING, RoleEvent.STOP, Role.STOPPING, "nothing was served, so it just releases"),
          t(
              Role.SETTLING,
              RoleEvent.SETTLED,
              Role.PRIMARY,
              "every member has acknowledged what was inherited"),
          t(Role.SETTLING, RoleEvent.SUPERSEDED, Role.FOLLOWING, "a later epoch decides"),
          t(Role.SETTLING, RoleEvent.DEADLINE, Role.DEADLINE_PASSED, "the lease may be gone"),
          t(
              Role.SETTLING,
              RoleEvent.STOP,
              Role.STOPPING,
              "nothing was served, so it just releases"),
          t(
              Role.PRIMARY,
              RoleEvent.NEW_EPOCH,
              Role.SETTLING,
              "the new epoch inherits what was not cut"),
          t(Role.PRIMARY, RoleEvent.HANDOFF, Role.HOLDING, "writers wait while the log is drained"),
          t(Role.PRIMARY, RoleEvent.SUPERSEDED, Role.FOLLOWING, "a later epoch decides"),
          t(Role.PRIMARY, RoleEvent.DEADLINE, Role.DEADLINE_PASSED, "the lease may be gone"),
          t(Role.PRIMARY, RoleEvent.STOP, Role.STOPPING, "there is no member to hand over to"),
          t(Role.HOLDING, RoleEvent.HANDED_OVER, Role.FOLLOWING, "the successor goes on"),
          t(
              Role.HOLDING,
              RoleEvent.RESUMED,
              Role.PRIMARY,
              "a later version of the record is ours, so the release is void"),
          t(Role.HOLDING, RoleEvent.SUPERSEDED, Role.FOLLOWING, "a later epoch decides"),
          t(Role.HOLDING, RoleEvent.DEADLINE, Role.DEADLINE_PASSED, "the lease may be gone"),
          t(Role.HOLDING, RoleEvent.STOP, Role.STOPPING, "the time for the handoff is over"),
          t(
              Role.DEADLINE_PASSED,
              RoleEvent.OWNERSHIP_PROVED,
              Role.FENCING,
              "nobody else can have been primary; the epoch goes on after a look at the members"),
          t(
              Role.DEADLINE_PASSED,
              RoleEvent.SUPERSEDED,
              Role.FOLLOWING,
              "the lease is somebody else's or nobody's"),
          t(Role.DEADLINE_PASSED, RoleEvent.STOP, Role.STOPPING, "nothing can be handed over"),
          t(Role.STOPPING, RoleEvent.CLOSED, Role.STOPPED, "everything is on disk"));

  private RoleMachine() {}

  private static Transition t(Role from, RoleEvent event, Role to, String reason) {
    return new Transition(from, event, to, reason);
  }

  /** All transitions, in the order of the documentation. */
  public static List<Transition> table() {
    return TABLE;
  }

  /** Whether an event may come in a role. */
  public static boolean isPossible(Role role, RoleEvent event) {
    return find(role, event) != null;
  }

  /**
   * The transition for an event.
   *
   * @throws IllegalStateException if the event cannot come in this role
   */
  public static Transition next(Role role, RoleEvent event) {
    Transition transition = find(role, event);
    if (transition == null) {
      throw new IllegalStateException("a node that is " + role + " cannot get " + event);
    }
    return transition;
  }

  private static Transition find(Role role, RoleEvent event) {
    for (Transition transition : TABLE) {
      if (transition.from() == role && transition.event() == event) {
        return transition;
      }
    }
    return null;
  }

  /** Whether a node in this role may append transactions of programs. */
  public static boolean mayAppend(Role role) {
    return role == Role.PRIMARY;
  }

  /**
   * Whether a node in this role may find that transactions are committed, and say so: what was
   * appended before goes on while writers are held.
   */
  public static boolean mayCommit(Role role) {
    return role == Role.SETTLING || role == Role.PRIMARY || role == Role.HOLDING;
  }
}
