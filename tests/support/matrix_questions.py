"""Gradients of expressions of arrays that books and papers give as formulas, with the formulas as they have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class MatrixQuestion:
    """An expression, the variable, the shapes (`"A=m,n x=n"`), the book's formula, and what it assumes."""

    name: str
    expr: str
    by: str
    shapes: str
    textbook: str
    order: int = 1
    assumptions: Mapping[str, str] = field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, tuple[str, ...]]:
        """The sizes of the variables."""
        pairs = (word.split("=") for word in self.shapes.split())
        return {name: tuple(size for size in sizes.split(",") if size) for name, sizes in pairs}

    @property
    def assumed(self) -> dict[str, frozenset[str]]:
        """The names of which something is assumed."""
        return {kind: frozenset(names.split(",")) for kind, names in self.assumptions.items()}


_Q = MatrixQuestion
_S = {"symmetric": "S"}
QUESTIONS = (
    # K. B. Petersen and M. S. Pedersen, "The Matrix Cookbook"
    _Q("linear", "a@x", "x", "a=n x=n", "a"),
    _Q("bilinear", "a@X@b", "X", "a=m X=m,n b=n", "outer(a, b)"),
    _Q("bilinear transposed", "a@X.T@b", "X", "a=n X=m,n b=m", "outer(b, a)"),
    _Q("quadratic", "x@B@x", "x", "x=n B=n,n", "(B + B.T)@x"),
    _Q("quadratic of a symmetric matrix", "x@S@x", "x", "x=n S=n,n", "2*S@x", assumptions=_S),
    _Q("quadratic by the matrix", "x@B@x", "B", "x=n B=n,n", "outer(x, x)"),
    _Q("shifted quadratic", "(x - s)@S@(x - s)", "x", "x=n s=n S=n,n", "2*S@(x - s)", assumptions=_S),
    _Q("shifted quadratic by the shift", "(x - A@s)@S@(x - A@s)", "s", "x=m s=n A=m,n S=m,m", "-2*A.T@S@(x - A@s)", assumptions=_S),
    _Q("shifted quadratic by the factor", "(x - A@s)@S@(x - A@s)", "A", "x=m s=n A=m,n S=m,m", "-2*outer(S@(x - A@s), s)", assumptions=_S),
    _Q("trace of a product", "trace(A@X@B)", "X", "A=k,m X=m,n B=n,k", "A.T@B.T"),
    _Q("trace of a square", "trace(X@X)", "X", "X=n,n", "2*X.T"),
    _Q("trace of a Gram matrix", "trace(X.T@B@X)", "X", "X=m,n B=m,m", "B@X + B.T@X"),
    _Q("trace of a sandwich", "trace(A@X@B@X.T@C)", "X", "A=k,m X=m,n B=n,n C=m,k", "A.T@C.T@X@B.T + C@A@X@B"),
    _Q("trace of an inverse", "trace(inv(X))", "X", "X=n,n", "-(inv(X)@inv(X)).T"),
    _Q("trace with an inverse", "trace(inv(X + A))", "X", "X=n,n A=n,n", "-(inv(X + A)@inv(X + A)).T"),
    _Q("logarithm of a determinant", "logdet(X)", "X", "X=n,n", "inv(X).T"),
    _Q("logdet with weights", "logdet(A@X@B)", "X", "A=n,n X=n,n B=n,n", "inv(X).T"),
    _Q("determinant squared", "det(X)**2", "X", "X=n,n", "2*det(X)**2*inv(X).T"),
    _Q("inverse between vectors", "a@inv(X)@b", "X", "a=n X=n,n b=n", "-inv(X).T@outer(a, b)@inv(X).T"),
    _Q("Frobenius norm squared", "norm(X)**2", "X", "X=m,n", "2*X"),
    _Q("Frobenius norm", "norm(X - A)", "X", "X=m,n A=m,n", "(X - A)/norm(X - A)"),
    _Q("distance", "norm(x - a)", "x", "x=n a=n", "(x - a)/norm(x - a)"),
    _Q("unit vector", "(x - a)/norm(x - a)", "x", "x=n a=n", "eye(n)/norm(x - a) - outer(x - a, x - a)/norm(x - a)**3"),
    # least squares and generalized linear models
    _Q("ridge", "sum((X@w - y)**2) + c*sum(w**2)", "w", "X=n,d w=d y=n c=", "2*X.T@(X@w - y) + 2*c*w"),
    _Q("ridge, twice", "sum((X@w - y)**2) + c*sum(w**2)", "w", "X=n,d w=d y=n c=", "2*X.T@X + 2*c*eye(d)", order=2),
    _Q("half of the mean square", "sum((X@w - y)**2)/(2*n)", "w", "X=n,d w=d y=n", "X.T@(X@w - y)/n"),
    _Q("weighted least squares", "sum(s*(X@w - y)**2)", "w", "X=n,d w=d y=n s=n", "2*X.T@(s*(X@w - y))"),
    _Q("logistic regression", "mean(softplus(X@w) - y*(X@w))", "w", "X=n,d w=d y=n", "X.T@(sigmoid(X@w) - y)/n"),
    _Q("logistic regression, twice", "mean(softplus(X@w) - y*(X@w))", "w", "X=n,d w=d y=n", "X.T@diag(sigmoid(X@w)*(1 - sigmoid(X@w)))@X/n", order=2),
    _Q("Poisson regression", "sum(exp(X@w) - y*(X@w))", "w", "X=n,d w=d y=n", "X.T@(exp(X@w) - y)"),
    _Q("hinge loss", "sum(relu(1 - y*(X@w)))", "w", "X=n,d w=d y=n", "-X.T@(y*heaviside(1 - y*(X@w)))"),
    _Q("multivariate regression", "norm(X@B - Y)**2", "B", "X=n,d B=d,k Y=n,k", "2*X.T@(X@B - Y)"),
    _Q("softmax regression", "cross_entropy(X@W, Y)", "W", "X=n,d W=d,k Y=n,k", "X.T@(softmax(X@W) - Y)/n", assumptions={"stochastic": "Y"}),
    _Q("cross entropy of logits", "-sum(y*log_softmax(z))", "z", "y=k z=k", "softmax(z) - y", assumptions={"stochastic": "y"}),
    _Q("log-sum-exp", "logsumexp(A@x + b)", "x", "A=m,n x=n b=m", "A.T@softmax(A@x + b)"),
    _Q("log-sum-exp, twice", "logsumexp(x)", "x", "x=n", "diag(softmax(x)) - outer(softmax(x), softmax(x))", order=2),
    # probability
    _Q("Gaussian by its mean", "(x - m)@inv(S)@(x - m)/2", "m", "x=n m=n S=n,n", "-inv(S)@(x - m)", assumptions=_S),
    _Q("Gaussian by its covariance", "logdet(S)/2 + (x - m)@inv(S)@(x - m)/2", "S", "x=n m=n S=n,n", "inv(S)/2 - inv(S)@outer(x - m, x - m)@inv(S)/2", assumptions=_S),
    _Q("Gaussian by its precision", "-logdet(P)/2 + trace(P@C)/2", "P", "P=n,n C=n,n", "C/2 - inv(P)/2", assumptions={"symmetric": "P,C"}),
    _Q("Wishart", "(v - n - 1)/2*logdet(X) - trace(inv(V)@X)/2", "X", "X=n,n V=n,n v=", "(v - n - 1)/2*inv(X) - inv(V)/2", assumptions={"symmetric": "X,V"}),
    _Q("entropy", "-sum(p*log(p))", "p", "p=n", "-log(p) - 1", assumptions={"positive": "p"}),
    _Q("relative entropy", "sum(p*log(p/q))", "q", "p=n q=n", "-p/q", assumptions={"positive": "p,q"}),
    _Q("tempered softmax", "a@softmax(z/t)", "z", "a=n z=n t=", "softmax(z/t)*(a - a@softmax(z/t))/t"),
    # networks
    _Q("affine layer by its weights", "sum(G*(X@W + b))", "W", "G=n,k X=n,d W=d,k b=k", "X.T@G"),
    _Q("affine layer by its bias", "sum(G*(X@W + b))", "b", "G=n,k X=n,d W=d,k b=k", "sum(G, dim=0)"),
    _Q("tanh layer", "sum(G*tanh(X@W))", "W", "G=n,k X=n,d W=d,k", "X.T@(G*(1 - tanh(X@W)**2))"),
    _Q("relu layer by its input", "sum(G*relu(X@W))", "X", "G=n,k X=n,d W=d,k", "(G*heaviside(X@W))@W.T"),
    _Q("attention by its keys", "sum(G*(softmax(Q@K.T, dim=1)@V))", "V", "G=n,v Q=n,d K=m,d V=m,v", "softmax(Q@K.T, dim=1).T@G"),
    _Q("row softmax", "sum(G*softmax(Z, dim=1))", "Z", "G=n,k Z=n,k", "softmax(Z, dim=1)*(G - outer(sum(G*softmax(Z, dim=1), dim=1), ones(k)))"),
    _Q("autoencoder with tied weights", "norm(X - X@W@W.T)**2", "W", "X=n,d W=d,k", "-2*(X.T@(X - X@W@W.T) + (X - X@W@W.T).T@X)@W"),
    _Q("sum of squares of sigmoids", "sum(sigmoid(A@x)**2)", "x", "A=m,n x=n", "2*A.T@(sigmoid(A@x)**2*(1 - sigmoid(A@x)))"),
    # factorizations, control, geometry, economics
    _Q("matrix factorization", "norm(M*(R - U@V.T))**2", "U", "M=m,n R=m,n U=m,k V=n,k", "-2*(M**2*(R - U@V.T))@V"),
    _Q("graph Laplacian", "trace(F.T@L@F)", "F", "F=n,k L=n,n", "2*L@F", assumptions={"symmetric": "L"}),
    _Q("Rayleigh quotient", "x@S@x/(x@x)", "x", "x=n S=n,n", "2*(S@x - x@S@x/(x@x)*x)/(x@x)", assumptions=_S),
    _Q("Procrustes", "norm(A@R - B)**2", "R", "A=m,n R=n,n B=m,n", "2*A.T@(A@R - B)"),
    _Q("metric learning", "(x - y)@L.T@L@(x - y)", "L", "x=n y=n L=k,n", "2*L@outer(x - y, x - y)"),
    _Q("Markowitz", "m@w - c*w@S@w/2", "w", "m=n w=n c= S=n,n", "m - c*S@w", assumptions=_S),
    _Q("cost of control", "x@Q@x + u@R@u", "u", "x=n Q=n,n u=m R=m,m", "2*R@u", assumptions={"symmetric": "Q,R"}),
    _Q("Newton step of a barrier", "-sum(log(b - A@x))", "x", "A=m,n x=n b=m", "A.T@(1/(b - A@x))", assumptions={}),
    _Q("barrier, twice", "-sum(log(b - A@x))", "x", "A=m,n x=n b=m", "A.T@diag(1/(b - A@x)**2)@A", order=2),
    _Q("soft threshold", "sum(sqrt(x**2 + c))", "x", "x=n c=", "x/sqrt(x**2 + c)"),
    _Q("cosine of an angle", "a@x/norm(x)", "x", "a=n x=n", "a/norm(x) - a@x*x/norm(x)**3"),
    _Q("variance", "var(x)", "x", "x=n", "2*(x - mean(x))/(n - 1)"),
    _Q("standard deviation", "std(x)", "x", "x=n", "(x - mean(x))/((n - 1)*std(x))"),
)  # fmt: skip
