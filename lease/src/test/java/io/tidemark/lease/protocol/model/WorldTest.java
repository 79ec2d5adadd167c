package io.tidemark.lease.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The search trusts these: a state that is not told from another is not explored. */
class WorldTest {
  private static final Bounds BOUNDS =
      Bounds.named("walk")
          .nodes(3, 3, 1)
          .history(3, 6, 14)
          .network(3, true)
          .withSetChanges()
          .withSlowStore()
          .withAborts()
          .crashes(3)
          .diskLosses(1)
          .handoffs(1);

  private static List<World> walk(long seed, int steps) {
    Random random = new Random(seed);
    ClusterModel model = new ClusterModel(BOUNDS, new Rules());
    List<World> walk = new ArrayList<>(List.of(model.start()));
    for (int i = 0; i < steps; i++) {
      List<World> next = new ArrayList<>();
      model.expand(walk.get(walk.size() - 1), false, (to, label) -> next.add(to));
      if (next.isEmpty()) {
        break;
      }
      walk.add(next.get(random.nextInt(next.size())));
    }
    return walk;
  }

  @Test
  void aPackedStateIsReadBackAsItWas() {
    byte[] bytes = new byte[200 * World.MOST_BYTES];
    List<World> walk = walk(1, 150);
    int end = 0;
    for (World world : walk) {
      end = world.pack(bytes, end);
    }
    World.Reader reader = new World.Reader(bytes);
    for (World world : walk) {
      assertThat(reader.next()).isEqualTo(world);
    }
  }

  @Test
  void differentStatesHaveDifferentFingerprints() {
    Map<Long, World> known = new HashMap<>();
    for (int seed = 0; seed < 300; seed++) {
      for (World world : walk(seed, 100)) {
        World other = known.putIfAbsent(world.fingerprint(2), world);
        if (other != null && !other.equals(world)) {
          // Then they differ in names or in the order of messages: any renaming tells as much.
          assertThat(world.fingerprint(3)).isEqualTo(other.fingerprint(3));
        }
      }
    }
    assertThat(known).hasSizeGreaterThan(5_000);
  }

  @Test
  void nodesThatChangePlacesMakeTheSameFingerprint() {
    ClusterModel model = new ClusterModel(BOUNDS, new Rules());
    Map<Long, Integer> prints = new HashMap<>();
    // After one step the only difference between n1 and n2 is which of them took it.
    model.expand(
        model.start(), false, (to, label) -> prints.merge(to.fingerprint(3), 1, Integer::sum));
    assertThat(prints.values()).contains(2);
    assertThat(prints.values()).allMatch(count -> count <= 2);
  }

  @Test
  void randomWalksThroughWideBoundsBreakNoPromise() {
    int steps = 0;
    for (int seed = 0; seed < 300; seed++) {
      steps += walk(1_000 + seed, 250).size();
    }
    assertThat(steps).isGreaterThan(15_000);
  }
}
