package io.tidemark.lease.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The model check finds each of the defects that it is there to find. */
class ProtocolMutantTest {
  static List<Mutants.Mutant> mutants() {
    return Mutants.all();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("mutants")
  void aDefectIsFound(Mutants.Mutant mutant) {
    ClusterModel model = new ClusterModel(mutant.bounds(), mutant.rules());

    Search.Result result = new Search(model, 2_000_000, Integer.MAX_VALUE).run();

    assertThat(result.trace()).as("counterexample").isNotNull();
    System.out.println("Defect: " + mutant + "\n" + result + "\n  " + text(result.trace()));
    assertThat(result.trace().get(result.trace().size() - 1)).contains(mutant.broken());
  }

  private static String text(List<String> trace) {
    return String.join("\n  ", trace);
  }
}
