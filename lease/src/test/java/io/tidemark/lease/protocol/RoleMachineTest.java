package io.tidemark.lease.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.protocol.Handoff.Kind;
import io.tidemark.lease.protocol.Handoff.Release;
import io.tidemark.lease.protocol.Handoff.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RoleMachineTest {
  @Test
  void theTableOfTheDocumentationIsTheOneOfTheCode() throws IOException {
    List<String> code = new ArrayList<>();
    for (RoleMachine.Transition t : RoleMachine.table()) {
      code.add("| " + t.from() + " | " + t.event() + " | " + t.to() + " | " + t.reason() + " |");
    }
    List<String> page = Files.readAllLines(Path.of("../docs/PROTOCOL.md"));
    int header = page.indexOf("| from | event | to | because |");
    assertThat(page.subList(header + 2, header + 2 + code.size())).isEqualTo(code);
    assertThat(page.get(header + 2 + code.size())).doesNotStartWith("|");
  }

  @Test
  void noRoleHasTwoWaysForOneEvent() {
    Set<String> seen = new HashSet<>();
    for (RoleMachine.Transition t : RoleMachine.table()) {
      assertThat(seen.add(t.from() + " " + t.event())).as("%s", t).isTrue();
      assertThat(RoleMachine.next(t.from(), t.event())).isEqualTo(t);
      assertThat(t.reason()).isNotBlank().doesNotEndWith(".");
    }
  }

  @Test
  void whatIsNotInTheTableIsAnErrorThatNamesBoth() {
    assertThat(RoleMachine.isPossible(Role.FOLLOWING, RoleEvent.SETTLED)).isFalse();
    assertThatThrownBy(() -> RoleMachine.next(Role.FOLLOWING, RoleEvent.SETTLED))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContainingAll("FOLLOWING", "SETTLED");
  }

  @Test
  void everyRoleIsReachedAndEachButTheLastCanStop() {
    EnumSet<Role> reached = EnumSet.of(Role.STARTING);
    for (int i = 0; i < Role.values().length; i++) {
      for (RoleMachine.Transition t : RoleMachine.table()) {
        if (reached.contains(t.from())) {
          reached.add(t.to());
        }
      }
    }
    assertThat(reached).containsExactlyInAnyOrder(Role.values());
    for (Role role : Role.values()) {
      boolean ends = role == Role.STOPPING || role == Role.STOPPED;
      assertThat(RoleMachine.isPossible(role, RoleEvent.STOP)).isNotEqualTo(ends);
    }
  }

  @Test
  void onlyAFencedAndSettledNodeAppends() {
    for (Role role : Role.values()) {
      assertThat(RoleMachine.mayAppend(role)).isEqualTo(role == Role.PRIMARY);
    }
    assertThat(RoleMachine.mayCommit(Role.FENCING)).isFalse();
    assertThat(RoleMachine.mayCommit(Role.DEADLINE_PASSED)).isFalse();
    assertThat(RoleMachine.mayCommit(Role.HOLDING)).isTrue();
    // The only way to serve writers from a lease is through the fence.
    for (RoleMachine.Transition t : RoleMachine.table()) {
      if (t.to() == Role.SETTLING && t.from() != Role.PRIMARY) {
        assertThat(t.from()).isEqualTo(Role.FENCING);
      }
      if (t.to() == Role.PRIMARY) {
        assertThat(t.from()).isIn(Role.SETTLING, Role.HOLDING);
      }
    }
  }

  private static Kind step(
      String unfit, boolean held, boolean drained, boolean timeOver, Release release) {
    return Handoff.next(new State(unfit, held, drained, timeOver, release)).kind();
  }

  @Test
  void aHandoffHoldsDrainsReleasesAndFollows() {
    assertThat(step(null, false, true, false, Release.NOT_SENT)).isEqualTo(Kind.HOLD_WRITERS);
    assertThat(step(null, true, false, false, Release.NOT_SENT)).isEqualTo(Kind.DRAIN);
    assertThat(step(null, true, true, false, Release.NOT_SENT)).isEqualTo(Kind.RELEASE);
    assertThat(step(null, true, true, true, Release.NOT_SENT)).isEqualTo(Kind.RELEASE);
    assertThat(step(null, true, true, false, Release.DONE)).isEqualTo(Kind.FOLLOW);
  }

  @Test
  void aPrimaryResumesOnlyWhenTheReleaseCannotHappenAnyMore() {
    assertThat(step("it is away", true, true, true, Release.UNKNOWN))
        .isEqualTo(Kind.SETTLE_RELEASE);
    assertThat(step(null, true, true, true, Release.VOID)).isEqualTo(Kind.RESUME);
    assertThat(step("it is away", true, true, false, Release.NOT_SENT)).isEqualTo(Kind.RESUME);
    assertThat(step(null, true, false, true, Release.NOT_SENT)).isEqualTo(Kind.RESUME);
  }
}
